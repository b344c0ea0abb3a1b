import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jwtBlacklist } from '../stores/jwt-blacklist/backend.ts';
import { type RedisFixture, startRedisFixture } from '../stores/redis/fixture.ts';
import { closeServers, serve } from './app-fixture.ts';
import { REFRESH_COOKIE, SESSION_COOKIE } from './protocol.ts';

/** What happens to the refresh token when a login continues or ends, on the backend that has one. */

const ACCESS_SECONDS = 60;
const accountsDirectory = mkdtempSync(join(tmpdir(), 'rotating-'));
let service: RedisFixture;
let server: Awaited<ReturnType<typeof serve>>;
let aheadMs = 0;
beforeAll(async () => {
  service = await startRedisFixture('none');
  server = await serve(jwtBlacklist, {
    config: { accountsDirectory },
    open: {
      serviceUrl: service.url,
      options: { refresh: 'rotating' },
      accessSeconds: ACCESS_SECONDS,
      touchIntervalSeconds: 60,
      now: () => Date.now() + aheadMs,
    },
  });
});
afterAll(async () => {
  await closeServers();
  await service.stop();
  rmSync(accountsDirectory, { recursive: true });
});

interface Pair {
  token?: string | undefined;
  refreshToken?: string | undefined;
}

/** A request with these cookies. */
function send(method: string, path: string, { token, refreshToken }: Pair, body?: unknown) {
  const cookies = [
    ...(token === undefined ? [] : [`${SESSION_COOKIE}=${token}`]),
    ...(refreshToken === undefined ? [] : [`${REFRESH_COOKIE}=${refreshToken}`]),
  ];
  return server.call(method, path, undefined, body, { cookie: cookies.join('; ') });
}
const refresh = (pair: Pair) => send('POST', '/token/refresh', pair);

describe('a login as another user', () => {
  const asOther = { user: 'other', password: 'right' };

  test('ends the one before, which no refresh brings back', async () => {
    const before = await server.login('rot1');
    expect((await send('POST', '/login', before, asOther)).status).toBe(200);
    expect((await send('GET', '/session', before)).status).toBe(401);
    expect((await refresh(before)).status).toBe(401);
  });

  test('ends it also when its brief token is over, or gone', async () => {
    const [late, gone] = [await server.login('rot2'), await server.login('rot2')];
    aheadMs = (ACCESS_SECONDS + 1) * 1000;
    expect((await send('GET', '/session', late)).status).toBe(401);
    expect((await send('POST', '/login', late, asOther)).status).toBe(200);
    aheadMs = 0;
    expect((await send('POST', '/login', { refreshToken: gone.refreshToken }, asOther)).status).toBe(200);
    for (const before of [late, gone]) expect((await refresh(before)).status).toBe(401);
  });
});

describe('a new id for a login', () => {
  const change = { current: 'right', next: 'a new password' };

  test.each([
    ['/session/rotate', undefined],
    ['/password', change],
  ])('by %s takes both tokens, and issues both', async (path, body) => {
    const before = await server.login(`rot3${path.length}`);
    expect((await send('POST', path, { token: before.token }, body)).status).toBe(401);
    const foreign = (await server.login('rot4')).refreshToken;
    expect((await send('POST', path, { ...before, refreshToken: foreign }, body)).status).toBe(401);
    const own = await server.login(`rot3${path.length}`);
    const reply = await send('POST', path, own, body);
    expect(reply.status).toBe(200);
    expect((await send('GET', '/session', reply)).status).toBe(200);
    expect((await refresh(reply)).status).toBe(200);
  });

  test('is asked for no refresh token where an anonymous session becomes a login', async () => {
    const visitor = await server.call('POST', '/visit');
    const reply = await send('POST', '/login', { token: visitor.token }, { user: 'rot5', password: 'right' });
    expect(reply.status).toBe(200);
    expect((await refresh(reply)).status).toBe(200);
  });
});
