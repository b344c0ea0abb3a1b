import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { memory } from '../stores/memory/backend.ts';
import { StoreUnavailableError } from '../stores/store.ts';
import { closeServers, type ServeOptions, serve } from './app-fixture.ts';
import type { LifecycleEntry } from './lifecycle-log.ts';
import { ADMIN_USER, REFRESH_COOKIE } from './protocol.ts';

const root = mkdtempSync(join(tmpdir(), 'lifecycle-'));
afterAll(async () => {
  await closeServers();
  rmSync(root, { recursive: true });
});

let files = 0;
async function serveLogged(options: ServeOptions = {}) {
  files += 1;
  const lifecycleLog = join(root, `${files}.log`);
  const server = await serve(memory, { ...options, config: { ...options.config, lifecycleLog } });
  /** What was written, once the server has left. */
  const text = async () => {
    await server.close();
    return readFileSync(lifecycleLog, 'utf8');
  };
  const entries = async () =>
    (await text())
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LifecycleEntry);
  return { ...server, text, entries, lifecycleLog };
}

const eventsOf = (entries: readonly LifecycleEntry[]) => entries.map(({ event }) => event);

describe('the lifecycle log', () => {
  test('records when, where, what, and which session and user by pseudonyms', async () => {
    const { call, login, entries, lifecycleLog } = await serveLogged({ now: () => Date.UTC(2030, 0, 2) });
    const { token } = await login('log1');
    const rotated = await call('POST', '/session/rotate', token);
    await call('POST', '/logout', rotated.token);
    const lines = await entries();
    const pseudonym = expect.stringMatching(/^[0-9a-f]{16}$/);
    for (const line of lines)
      expect(line).toEqual({
        at: '2030-01-02T00:00:00.000Z',
        server: 's1',
        event: expect.any(String),
        session: pseudonym,
        user: pseudonym,
      });
    expect(eventsOf(lines)).toEqual(['login', 'rotate', 'logout']);
    expect(new Set(lines.map(({ user }) => user)).size).toBe(1);
    expect(lines[0]?.session).not.toBe(lines[1]?.session);
    expect(lines[1]?.session).toBe(lines[2]?.session);
    expect(statSync(lifecycleLog).mode & 0o777).toBe(0o600);
  });

  test('records every event in the life of a session', async () => {
    const config = { failedLoginLimit: 1, accountsDirectory: join(root, 'accounts') };
    const { call, login, entries } = await serveLogged({ config });
    const [first, second, third] = [await login('log2'), await login('log2'), await login('log2')];
    const { logins } = (await call('GET', '/sessions', first.token)).body;
    await call('DELETE', `/sessions/${logins.find((login) => !login.current)?.handle}`, first.token);
    await call('POST', '/logout/others', first.token);
    await call('POST', '/password', first.token, { current: 'right', next: 'a new password' });
    await login('log2', 'wrong');
    await login('log2', 'wrong');
    const { token } = await login(ADMIN_USER, 'root');
    await call('POST', '/admin/users/log2/revoke', token);
    await call('POST', '/admin/users/log2/disable', token, { disabled: true });
    await call('POST', '/admin/users/log2/disable', token, { disabled: false });
    for (const ended of [first, second, third])
      expect((await call('GET', '/session', ended.token)).status).toBe(401);
    const lines = await entries();
    expect(eventsOf(lines)).toEqual(
      [
        ['login', 'login', 'login', 'end_login', 'end_logins', 'rotate', 'password_changed'],
        ['login_failed', 'login_throttled', 'login', 'revoke', 'disable', 'enable'],
      ].flat(),
    );
    const user = lines[0]?.user;
    expect(lines.filter((line) => line.user !== user).map(({ event }) => event)).toEqual(['login']);
    expect(lines.filter(({ session }) => session === null).map(({ event }) => event)).toEqual([
      'login_failed',
      'login_throttled',
    ]);
  });

  test('records refreshes, and one that was used twice', async () => {
    let uses = 0;
    const { call, login, entries } = await serveLogged({
      store: {
        refresh: (token) => {
          uses += 1;
          return Promise.resolve(
            uses === 1 ? { status: 'refreshed', token, refreshToken: 'next' } : { status: 'reused' },
          );
        },
      },
    });
    const { token } = await login('log3');
    // The store of this test returns the token of a live session, which continues.
    const headers = { cookie: `${REFRESH_COOKIE}=${token}` };
    for (const _ of [1, 2]) await call('POST', '/token/refresh', undefined, undefined, headers);
    const [begun, refreshed, reused] = await entries();
    expect(refreshed).toEqual({ ...begun, at: expect.any(String), event: 'refresh' });
    expect(reused).toMatchObject({ event: 'refresh_reused', session: null, user: null });
  });

  test('holds no token, no handle, no name, no password, and nothing of what never was a session', async () => {
    const { call, login, text } = await serveLogged();
    const { token } = await login('somebody');
    await login('somebody', 'a wrong guess');
    await login('somebody', 'right');
    const { logins } = (await call('GET', '/sessions', token)).body;
    await call('POST', '/logout', 'A'.repeat(43));
    await call('POST', '/logout', token);
    const written = await text();
    expect(written.split('\n')).toHaveLength(5);
    for (const secret of [token, 'somebody', 'a wrong guess', 'right', ...logins.map(({ handle }) => handle)])
      expect(written).not.toContain(secret);
  });

  test('is appended to, by one server and the next', async () => {
    const first = await serveLogged();
    await first.login('log4');
    await first.close();
    const second = await serve(memory, { config: { lifecycleLog: first.lifecycleLog, id: 's2' } });
    await second.login('log4');
    await second.close();
    const lines = readFileSync(first.lifecycleLog, 'utf8').trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as LifecycleEntry).server)).toEqual(['s1', 's2']);
  });

  test('on a full disk fails no request, and reports every lost line', async () => {
    const { call, login, errors } = await serve(memory, { config: { lifecycleLog: '/dev/full' } });
    const { token } = await login('log5');
    expect((await call('POST', '/session/rotate', token)).status).toBe(200);
    expect((await login('log5')).status).toBe(200);
    const lost = new Error('a line of the lifecycle log is lost', {
      cause: expect.objectContaining({ code: 'ENOSPC' }),
    });
    expect(errors).toEqual([lost, lost, lost]);
  });

  test('fails no request that has been granted while the store can no longer be asked of it', async () => {
    const refreshed = { status: 'refreshed', token: 'access', refreshToken: 'next' } as const;
    let isDown = false;
    const { call, login, entries, errors } = await serveLogged({
      store: (opened) => ({
        refresh: () => Promise.resolve(refreshed),
        read: (token) =>
          isDown ? Promise.reject(new StoreUnavailableError('read', new Error('down'))) : opened.read(token),
      }),
    });
    const { token } = await login('log6');
    isDown = true;
    const headers = { cookie: `${REFRESH_COOKIE}=mine` };
    const reply = await call('POST', '/token/refresh', undefined, undefined, headers);
    expect([reply.status, reply.token, reply.refreshToken]).toEqual([200, 'access', 'next']);
    expect((await call('POST', '/logout', token)).status).toBe(200);
    expect((await login('log6')).status).toBe(200);
    isDown = false;
    expect((await call('GET', '/session', token)).status).toBe(401);
    expect(errors).toEqual(Array(3).fill(expect.any(StoreUnavailableError)));
    const [first, ...others] = await entries();
    expect(others.map(({ event, session, user }) => [event, session, user])).toEqual([
      ['refresh', null, null],
      ['logout', null, null],
      ['login', null, first?.user],
    ]);
  });

  test('that cannot be opened ends the start', async () => {
    const config = { lifecycleLog: join(root, 'nowhere', 'log') };
    await expect(serve(memory, { config })).rejects.toThrow('ENOENT');
  });
});
