import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../open.ts';
import { startPostgresFixture } from '../postgres/fixture.ts';
import { startRedisFixture } from '../redis/fixture.ts';
import { type OpenContext, type SessionStore, StoreUnavailableError } from '../store.ts';
import { offered } from '../suite/offered.ts';
import { isLive, login, type Pair, pairOf, rotate, rotating } from '../suite/refresh-fixture.ts';
import { jwtBlacklist } from './backend.ts';

/** Tokens that are checked only when they are renewed: their bound is the lifetime of an access token. */

const ACCESS_SECONDS = 60;
const AT_ONCE = 20;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Servers of one run, with a clock that tests move. */
async function start(db: string, serviceUrl: string) {
  const clock = { nowMs: Math.ceil(Date.now() / 1000) * 1000 };
  const context = rotating(serviceUrl, {
    options: { db, check: 'at-refresh' },
    accessSeconds: ACCESS_SECONDS,
    now: () => clock.nowMs,
  });
  const open = async (changes: Partial<OpenContext> = {}) => {
    const store = await openStore(jwtBlacklist, { ...context, ...changes });
    cleanups.push(() => store.close());
    return store;
  };
  return { clock, servers: [await open(), await open()] as const };
}

const countLive = async (stores: readonly SessionStore[], tokens: readonly string[]) => {
  const reads = stores.flatMap((store) => tokens.map((token) => isLive(store, token)));
  return (await Promise.all(reads)).filter(Boolean).length;
};

describe.each(['redis', 'postgres'])('checked at refresh, db=%s', (db) => {
  let service: { url: string; stop(): Promise<void> };
  beforeAll(async () => {
    service = db === 'redis' ? await startRedisFixture('second') : await startPostgresFixture();
  });
  afterAll(() => service.stop());

  test('an ended login works until its access token is over, on every server, and is not renewed', async () => {
    const { clock, servers } = await start(db, service.url);
    const [store, other] = servers;
    const users = offered(store, 'users');
    const ends: readonly ((pair: Pair, user: string) => Promise<unknown>)[] = [
      ({ token }) => store.destroy(token),
      ({ refreshToken }) => store.destroy(refreshToken),
      (_, user) => users.revoke(user),
      (_, user) => users.setDisabled(user, true),
      async ({ token }, user) => users.destroyLogin(user, (await store.read(token))?.handle ?? ''),
      (pair) => rotate(store, pair),
    ];
    for (const [index, end] of ends.entries()) {
      const user = `user${index}`;
      const pair = await login(store, user);
      clock.nowMs += 10_000;
      await end(pair, user);
      clock.nowMs += (ACCESS_SECONDS - 10) * 1000 - 1;
      expect(await countLive(servers, [pair.token])).toBe(2);
      clock.nowMs += 1;
      expect(await countLive(servers, [pair.token])).toBe(0);
      expect((await offered(other, 'refresh')(pair.refreshToken)).status).not.toBe('refreshed');
    }
  });

  test('of logouts that race refreshes, rotations and updates, none leaves a token alive past the bound', async () => {
    const { clock, servers } = await start(db, service.url);
    const [store, other] = servers;
    const copies: string[] = [];
    const renewing: Pair[] = [];
    for (let round = 0; round < 5; round += 1) {
      const races = Array.from({ length: AT_ONCE }, async (_, i) => {
        const pair = await login(store, `user${round}-${i}`);
        const [updated, renewed] = await Promise.all([
          other.update(pair.token, 'late'),
          i % 2 === 0
            ? offered(other, 'refresh')(pair.refreshToken)
            : other.rotate(pair.token, { refreshToken: pair.refreshToken }),
          i % 4 < 2 ? store.destroy(pair.refreshToken) : offered(store, 'users').revoke(`user${round}-${i}`),
        ]);
        copies.push(pair.token);
        if (updated.status === 'ok' && updated.token !== undefined) copies.push(updated.token);
        if (renewed?.status !== 'refreshed' && renewed?.status !== 'created') return;
        const next = pairOf(renewed);
        copies.push(next.token);
        renewing.push(next);
        // A rotation that came first made another login.
        await store.destroy(next.refreshToken);
      });
      await Promise.all(races);
    }
    expect(await countLive(servers, copies)).toBe(2 * copies.length);
    clock.nowMs += ACCESS_SECONDS * 1000;
    expect(await countLive(servers, copies)).toBe(0);
    for (const { refreshToken } of renewing)
      expect((await offered(other, 'refresh')(refreshToken)).status).not.toBe('refreshed');
  });

  test('a read of a login asks nothing, and one of an anonymous session does, which ends at once', async () => {
    const { servers } = await start(db, service.url);
    const [store, other] = servers;
    const { token } = await login(store);
    const before = store.roundTrips();
    for (let read = 0; read < 10; read += 1) expect(await isLive(store, token)).toBe(true);
    expect(store.roundTrips()).toBe(before);
    const visit = await store.create({ role: 'user', data: 'cart' });
    const anonymous = visit.status === 'created' ? visit.token : '';
    expect(await isLive(other, anonymous)).toBe(true);
    expect(await store.destroy(anonymous)).toBe(true);
    expect(await countLive(servers, [anonymous])).toBe(0);
  });
});

test('without the service reads go on until the access token is over, and nothing is renewed', async () => {
  const service = await startRedisFixture('second');
  cleanups.push(() => service.stop());
  const { clock, servers } = await start('redis', service.url);
  const [store] = servers;
  const { token, refreshToken } = await login(store);
  await service.stop();
  expect(await countLive(servers, [token])).toBe(2);
  await expect(offered(store, 'refresh')(refreshToken)).rejects.toThrow(StoreUnavailableError);
  clock.nowMs += ACCESS_SECONDS * 1000;
  expect(await countLive(servers, [token])).toBe(0);
});
