import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { jwt } from '../stores/jwt/backend.ts';
import { memory } from '../stores/memory/backend.ts';
import { redis } from '../stores/redis/backend.ts';
import { type RedisFixture, startRedisFixture } from '../stores/redis/fixture.ts';
import { type SessionStore, StoreUnavailableError, type UserIndex } from '../stores/store.ts';
import { offered } from '../stores/suite/offered.ts';
import { closeServers, gate, serve } from './app-fixture.ts';

const root = mkdtempSync(join(tmpdir(), 'password-'));
let directories = 0;
let accountsDirectory = '';
let service: RedisFixture;
beforeAll(async () => {
  service = await startRedisFixture('none');
});
beforeEach(() => {
  directories += 1;
  accountsDirectory = join(root, String(directories));
});
afterAll(async () => {
  await closeServers();
  await service.stop();
  rmSync(root, { recursive: true });
});

const NEXT = 'a new password';
const change = { current: 'right', next: NEXT };

describe('POST /password', () => {
  test('changes it, ends the other logins, and continues under a new id', async () => {
    const { call, login } = await serve(memory, { config: { accountsDirectory } });
    const [mine, other] = [await login('pw1'), await login('pw1')];
    const reply = await call('POST', '/password', mine.token, change);
    expect([reply.status, reply.body]).toEqual([200, { ended: 1 }]);
    for (const ended of [mine.token, other.token])
      expect((await call('GET', '/session', ended)).status).toBe(401);
    expect((await call('GET', '/session', reply.token)).body.user).toBe('pw1');
    expect((await login('pw1')).status).toBe(401);
    expect((await login('pw1', NEXT)).status).toBe(200);
  });

  test('where the backend cannot end other logins, says so and changes it all the same', async () => {
    const { call, login } = await serve(jwt, { config: { accountsDirectory } });
    const { token } = await login('pw2');
    const reply = await call('POST', '/password', token, change);
    expect([reply.status, reply.body]).toEqual([200, { ended: null }]);
    expect((await login('pw2', NEXT)).status).toBe(200);
  });

  test('needs the present password', async () => {
    const { call, login } = await serve(memory, { config: { accountsDirectory } });
    const { token } = await login('pw3');
    const reply = await call('POST', '/password', token, { ...change, current: 'guess' });
    expect([reply.status, reply.body]).toEqual([401, { error: 'bad_credentials' }]);
    expect((await call('GET', '/session', token)).status).toBe(200);
    expect((await login('pw3')).status).toBe(200);
  });

  test('is for users alone', async () => {
    const { call } = await serve(memory, { config: { accountsDirectory } });
    expect((await call('POST', '/password', undefined, change)).status).toBe(401);
    const visitor = (await call('POST', '/visit')).token;
    expect((await call('POST', '/password', visitor, change)).status).toBe(401);
  });

  test.each([
    { current: 'right' },
    { current: 'right', next: 'x'.repeat(7) },
    { current: 'right', next: 'x'.repeat(129) },
    { current: 'right', next: 12345678 },
    { current: 'right', next: NEXT, user: 'pw5' },
    '{"current":"right","next":"long enough \\ud800"}',
  ])('the body %j is a bad request, and changes nothing', async (body) => {
    const { call, login } = await serve(memory, { config: { accountsDirectory } });
    const { token } = await login('pw4');
    const reply = await call('POST', '/password', token, body);
    expect([reply.status, reply.body]).toEqual([400, { error: 'bad_request' }]);
    expect((await login('pw4')).status).toBe(200);
  });

  test('without a directory is not available', async () => {
    const { call, login } = await serve(memory);
    const reply = await call('POST', '/password', (await login('pw6')).token, change);
    expect([reply.status, reply.body]).toEqual([501, { error: 'unsupported_by_server' }]);
  });
});

describe('two changes of a password at once', () => {
  const ask = (next: string) => ({ current: 'right', next });

  test('by servers that share nothing: one is made, the other is a conflict', async () => {
    const servers = await Promise.all(
      [1, 2].map(() => serve(memory, { config: { accountsDirectory, loginCap: 0 } })),
    );
    for (let round = 0; round < 3; round += 1) {
      const user = `two${round}`;
      const tokens = await Promise.all(servers.map(async ({ login }) => (await login(user)).token));
      const replies = await Promise.all(
        servers.map(({ call }, index) => call('POST', '/password', tokens[index], ask(`number ${index}`))),
      );
      const statuses = replies.map(({ status }) => status);
      expect([...statuses].sort()).toEqual([200, 409]);
      expect(replies.find(({ status }) => status === 409)?.body).toEqual({ error: 'conflict' });
      for (const { login } of servers)
        for (const [index, status] of statuses.entries())
          expect((await login(user, `number ${index}`)).status).toBe(status === 200 ? 200 : 401);
    }
  });

  test('by servers that share their sessions: one is made, whichever login is ended over it', async () => {
    const config = { accountsDirectory, loginCap: 0 };
    const open = { serviceUrl: service.url };
    const servers = await Promise.all([1, 2].map(() => serve(redis, { config, open })));
    for (let round = 0; round < 3; round += 1) {
      const user = `both${round}`;
      const tokens = await Promise.all(servers.map(async ({ login }) => (await login(user)).token));
      const replies = await Promise.all(
        servers.map(({ call }, index) => call('POST', '/password', tokens[index], ask(`number ${index}`))),
      );
      const statuses = replies.map(({ status }) => status);
      expect(statuses.filter((status) => status === 200)).toHaveLength(1);
      for (const [index, status] of statuses.entries())
        expect((await servers[0]?.login(user, `number ${index}`))?.status).toBe(status === 200 ? 200 : 401);
    }
  });

  test('by one session, sent twice: one is made', async () => {
    const { call, login } = await serve(memory, { config: { accountsDirectory } });
    const { token } = await login('twice');
    const replies = await Promise.all(
      [0, 1].map((index) => call('POST', '/password', token, ask(`number ${index}`))),
    );
    const statuses = replies.map(({ status }) => status);
    expect([...statuses].sort()).toEqual([200, 401]);
    expect((await login('twice', `number ${statuses.indexOf(200)}`)).status).toBe(200);
  });
});

describe('a login by the old password that a change overtakes', () => {
  /** A server on which beginning a login waits for a gate, once it is held. */
  async function serveHeld(method: 'create' | 'rotate') {
    const [reached, release] = [gate(), gate()];
    let isHeld = false;
    const wait = async () => {
      if (!isHeld) return;
      isHeld = false;
      reached.open();
      await release.passed;
    };
    const store = (opened: SessionStore): Partial<SessionStore> => ({
      [method]: async (...args: [never, never, never]) => {
        await wait();
        return opened[method](...args);
      },
    });
    const server = await serve(memory, { config: { accountsDirectory, loginCap: 0 }, store });
    const hold = () => {
      isHeld = true;
    };
    return { ...server, hold, reached: reached.passed, release: release.open };
  }

  // Anew, or from an anonymous session.
  test.each(['create', 'rotate'] as const)('ends before its reply (%s)', async (method) => {
    const { call, login, hold, reached, release } = await serveHeld(method);
    const { token } = await login('late');
    const visitor = method === 'rotate' ? (await call('POST', '/visit')).token : undefined;
    hold();
    const late = call('POST', '/login', visitor, { user: 'late', password: 'right' });
    await reached;
    const changed = await call('POST', '/password', token, change);
    expect(changed.status).toBe(200);
    release();
    const reply = await late;
    expect([reply.status, reply.body, reply.cookies]).toEqual([401, { error: 'bad_credentials' }, []]);
    const { logins } = (await call('GET', '/sessions', changed.token)).body;
    expect(logins.map(({ current }) => current)).toEqual([true]);
  });
});

describe('the other logins', () => {
  const down = () => Promise.reject(new StoreUnavailableError('revokeUser', new Error('down')));

  test('are ended first: while that fails nothing is changed', async () => {
    const { call, login } = await serve(memory, {
      config: { accountsDirectory },
      store: (opened) => ({ users: { ...offered(opened, 'users'), revoke: down } }),
    });
    const { token } = await login('down1');
    const reply = await call('POST', '/password', token, change);
    expect(reply.status).toBe(503);
    // The session has a new id by then, and continues under it.
    expect((await call('GET', '/session', reply.token)).body.user).toBe('down1');
    expect((await login('down1', NEXT)).status).toBe(401);
    expect((await login('down1')).status).toBe(200);
  });

  test('are ended once more, with those that began meanwhile', async () => {
    const revoked: number[] = [];
    const { call, login } = await serve(memory, {
      config: { accountsDirectory },
      store(opened) {
        const users = offered(opened, 'users');
        const revoke: UserIndex['revoke'] = async (user, except) => {
          const ended = await users.revoke(user, except);
          // Behind the first ending of logins, by the password that is still right.
          if (revoked.push(ended) === 1)
            await opened.create({ userId: user, role: 'user', data: 'a thief’s' });
          return ended;
        };
        return { users: { ...users, revoke } };
      },
    });
    const { token } = await login('down2');
    const reply = await call('POST', '/password', token, change);
    expect([reply.status, reply.body, revoked]).toEqual([200, { ended: 1 }, [0, 1]]);
  });
});
