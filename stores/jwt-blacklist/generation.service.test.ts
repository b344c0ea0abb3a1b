import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openStore } from '../open.ts';
import { type RedisFixture, startRedisFixture } from '../redis/fixture.ts';
import { type OpenContext, type SessionStore, StoreUnavailableError } from '../store.ts';
import { contextFor } from '../suite/context.ts';
import { offered } from '../suite/offered.ts';
import { jwtBlacklist } from './backend.ts';
import { DenyListLostError } from './deny-list.ts';

/** Logins that end by the generation of their user: all at once, and never one alone. */

const RECOVERY_MS = 5_000;
const AT_ONCE = 20;

let redis: RedisFixture;
beforeAll(async () => {
  redis = await startRedisFixture('commit');
});
afterAll(() => redis.stop());

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Two servers of one run. */
async function servers(changes: Partial<OpenContext> = {}) {
  const context = contextFor(jwtBlacklist, {
    serviceUrl: redis.url,
    options: { check: 'generation' },
    onBackgroundError: () => undefined,
    ...changes,
  });
  const open = async () => {
    const store = await openStore(jwtBlacklist, context);
    cleanups.push(() => store.close());
    return store;
  };
  return [await open(), await open(), open] as const;
}

async function login(store: SessionStore, userId: string, generation?: number): Promise<string> {
  const result = await store.create({ userId, role: 'user', data: 'd', generation });
  if (result.status !== 'created') throw new Error(`expected a login, got ${result.status}`);
  return result.token;
}

const isLive = async (store: SessionStore, token: string) => (await store.read(token)) !== undefined;

async function liveOf(stores: readonly SessionStore[], tokens: readonly string[]): Promise<number> {
  const reads = stores.flatMap((store) => tokens.map((token) => isLive(store, token)));
  return (await Promise.all(reads)).filter(Boolean).length;
}

test('a logout, by any way, ends all logins of its user at once on every server, and no other', async () => {
  const [store, other] = await servers();
  const users = offered(store, 'users');
  const ends: readonly ((token: string, user: string) => Promise<boolean | number>)[] = [
    (token) => store.destroy(token),
    (_, user) => users.revoke(user),
    (_, user) => users.setDisabled(user, true),
    async (token, user) => users.destroyLogin(user, (await store.read(token))?.handle ?? ''),
  ];
  for (const [index, end] of ends.entries()) {
    const user = `user${index}`;
    const [first, second, stranger] = [
      await login(store, user),
      await login(other, user),
      await login(store, 'stranger'),
    ];
    expect(await users.list(user)).toHaveLength(2);
    expect(await end(first, user)).toBeTruthy();
    expect(await liveOf([store, other], [first, second])).toBe(0);
    expect(await store.destroy(second)).toBe(false);
    expect(await store.touch(second)).toBeUndefined();
    expect(await store.rotate(second, {})).toBeUndefined();
    expect(await users.list(user)).toEqual([]);
    expect(await isLive(other, stranger)).toBe(true);
    await users.setDisabled(user, false);
    expect(await isLive(other, await login(store, user))).toBe(true);
    expect(await liveOf([store], [first, second])).toBe(0);
  }
});

test('of logins just before a revocation none lives on, and of those just after it all do', async () => {
  const [store, other] = await servers();
  for (let round = 0; round < 40; round += 1) {
    const before = await login(store, 'quick');
    await offered(other, 'users').revoke('quick');
    const after = await login(store, 'quick');
    expect([await isLive(other, before), await isLive(other, after)]).toEqual([false, true]);
  }
});

test('a login whose generation has moved since its credential was checked is not created', async () => {
  const [store, other] = await servers();
  const generation = offered(store, 'generation');
  const read = await generation('late');
  const visit = await store.create({ role: 'user', data: 'cart' });
  const anonymous = visit.status === 'created' ? visit.token : '';
  await offered(other, 'users').revoke('late');
  const session = { userId: 'late', role: 'user', data: 'd', generation: read } as const;
  expect(await store.create(session)).toEqual({ status: 'moved' });
  expect(await store.rotate(anonymous, { userId: 'late', generation: read })).toEqual({ status: 'moved' });
  expect(await offered(store, 'users').list('late')).toEqual([]);
  expect(await isLive(store, anonymous)).toBe(true);
  expect(await isLive(store, await login(store, 'late', await generation('late')))).toBe(true);
});

test('no update, touch, rotation or login in flight outlives a logout', async () => {
  const [store, other] = await servers();
  let alive = 0;
  for (let round = 0; round < 15; round += 1) {
    const races = Array.from({ length: AT_ONCE }, async (_, i) => {
      const user = `race${round}-${i}`;
      const read = await offered(store, 'generation')(user);
      const token = await login(store, user, read);
      const [updated, touched, rotated, created, ended] = await Promise.all([
        other.update(token, 'late'),
        other.touch(token),
        i % 3 === 0 ? other.rotate(token, {}) : undefined,
        other.create({ userId: user, role: 'user', data: 'd', generation: read }),
        i % 2 === 0 ? store.destroy(token) : offered(store, 'users').revoke(user),
      ]);
      const isRotated = rotated?.status === 'created';
      // A rotation that came first ended the login, and made another, which a logout by the old token does not name.
      if (i % 2 === 0) expect(ended).toBe(!isRotated);
      const copies = [token, touched?.token, updated.status === 'ok' ? updated.token : undefined];
      if (created.status === 'created') copies.push(created.token);
      if (isRotated && i % 2 === 1) copies.push(rotated.token);
      // A revocation may come before a rotation's own, which then finds nothing to rotate.
      const known = copies.filter((copy) => copy !== undefined);
      alive += await liveOf([store, other], known);
    });
    await Promise.all(races);
  }
  expect(alive).toBe(0);
});

test('of parallel rotations one wins, and ends the other logins with the old one', async () => {
  const [store, other] = await servers();
  const [token, second] = [await login(store, 'many'), await login(store, 'many')];
  const results = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, i) => (i % 2 === 0 ? store : other).rotate(token, {})),
  );
  const won = results.flatMap((result) => (result?.status === 'created' ? [result.token] : []));
  expect(won).toHaveLength(1);
  expect(await liveOf([store, other], [token, second])).toBe(0);
  // What is left is the only login, so it may except itself.
  expect(await offered(store, 'users').revoke('many', won[0])).toBe(0);
  expect(await liveOf([store, other], won)).toBe(2);
});

test('the limit holds under parallel logins, by ending the others', async () => {
  const [store, other] = await servers();
  const limit = { cap: 5, onCap: 'evict' } as const;
  const made = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      (i % 2 === 0 ? store : other).create({ userId: 'crowd', role: 'user', data: 'd' }, limit),
    ),
  );
  const tokens = made.flatMap((result) => (result.status === 'created' ? [result.token] : []));
  expect(tokens).toHaveLength(50);
  const live = await liveOf([store], tokens);
  expect(live).toBeGreaterThanOrEqual(1);
  expect(live).toBeLessThanOrEqual(5);
  expect(await offered(store, 'users').list('crowd')).toHaveLength(live);
});

test('a generation outlives the logins and a restart of Redis, and never goes back', async () => {
  let clockMs = Date.now();
  const [store] = await servers({ namespace: 'lasting', now: () => clockMs, absoluteSeconds: 86_400 });
  const generation = offered(store, 'generation');
  const seen = [await generation('old')];
  for (let round = 0; round < 3; round += 1) {
    await login(store, 'old');
    await offered(store, 'users').revoke('old');
    clockMs += 86_400_000;
    seen.push(await generation('old'));
  }
  expect(seen).toEqual([0, 1, 2, 3]);
  const keys = (await redis.command('KEYS', 'lasting:gen:*')) as string[];
  expect(keys).toHaveLength(1);
  expect(await redis.command('PTTL', keys[0] ?? '')).toBe(-1);
  const token = await login(store, 'old');
  await store.destroy(token);
  await redis.kill();
  await redis.restart();
  await expect.poll(() => generation('old').catch(String), { timeout: RECOVERY_MS }).toBe(4);
  expect(await isLive(store, token)).toBe(false);
});

test('an anonymous session ends alone, and an outage or a loss of the list refuses all', async () => {
  const [store] = await servers();
  const token = await login(store, 'alice');
  const visits = await Promise.all([1, 2].map(() => store.create({ role: 'user', data: 'cart' })));
  const [one, two] = visits.map((visit) => (visit.status === 'created' ? visit.token : ''));
  expect(await store.destroy(one ?? '')).toBe(true);
  expect([await isLive(store, one ?? ''), await isLive(store, two ?? '')]).toEqual([false, true]);
  await redis.command('FLUSHALL');
  const lost = await store.read(token).catch((error: Error) => error.cause);
  expect(lost).toBeInstanceOf(DenyListLostError);
  await redis.kill();
  await expect(store.read(token)).rejects.toThrow(StoreUnavailableError);
  await redis.restart();
});
