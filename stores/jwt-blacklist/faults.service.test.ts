import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { privateKeyFor, respelled, swappedEcdsa } from '../jwt/fixture.ts';
import { openStore } from '../open.ts';
import { startPostgresFixture } from '../postgres/fixture.ts';
import { EvictionPolicyError } from '../redis/eviction.ts';
import { type RedisFixture, startRedisFixture } from '../redis/fixture.ts';
import { type Durability, type OpenContext, type SessionStore, StoreUnavailableError } from '../store.ts';
import { contextFor } from '../suite/context.ts';
import { inStep } from '../suite/in-step.ts';
import { offered } from '../suite/offered.ts';
import { jwtBlacklist } from './backend.ts';
import { DENY_TOLERANCE_MS, DenyListLostError } from './deny-list.ts';

const HANG_GUARD_MS = 2_000;
const RECOVERY_GUARD_MS = 5_000;
const MINUTE_MS = 60_000;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(durability: Durability = 'second', ...extra: string[]): Promise<RedisFixture> {
  const server = await startRedisFixture(durability, extra);
  cleanups.push(() => server.stop());
  return server;
}

/** Servers of one run: the same keys and namespace, a store each. */
function servers(server: { url: string }, changes: Partial<OpenContext> = {}) {
  const context = contextFor(jwtBlacklist, {
    serviceUrl: server.url,
    onBackgroundError: () => undefined,
    ...changes,
  });
  return async (own: Partial<OpenContext> = {}) => {
    const store = await openStore(jwtBlacklist, {
      ...context,
      ...own,
      options: { ...context.options, ...own.options },
    });
    cleanups.push(() => store.close());
    return store;
  };
}

async function login(store: SessionStore, userId = 'alice'): Promise<string> {
  const result = await store.create({ userId, role: 'user', data: 'd' });
  if (result.status !== 'created') throw new Error(`expected a login, got ${result.status}`);
  return result.token;
}

const isLive = async (store: SessionStore, token: string) => (await store.read(token)) !== undefined;

async function expectRefusal(call: Promise<unknown>, cause?: new (...args: never[]) => Error) {
  const startMs = performance.now();
  const error = await call.then(
    (value) => `answered ${JSON.stringify(value)}`,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StoreUnavailableError);
  expect((error as Error).cause).toBeInstanceOf(cause ?? Error);
  expect(performance.now() - startMs).toBeLessThan(HANG_GUARD_MS);
}

describe.each([{ db: 'redis' }, { db: 'postgres' }, { db: 'redis', check: 'pushed' }])(
  'logout on jwt-blacklist, %j, is final',
  (options) => {
    const { db } = options;
    let service: { url: string; stop(): Promise<void> };
    beforeAll(async () => {
      service = db === 'redis' ? await startRedisFixture('second') : await startPostgresFixture();
    });
    afterAll(() => service.stop());

    test('of 1,000 logouts that race updates and touches, none leaves a token alive, on any server', async () => {
      const open = servers(service, { options });
      const [store, other] = [await open(), await open()];
      let resurrected = 0;
      for (let batch = 0; batch < 50; batch += 1) {
        const races = Array.from({ length: 20 }, async (_, i) => {
          const token = await login(store, `user${i}`);
          const [updated, touched, ended] = await Promise.all([
            other.update(token, 'late'),
            other.touch(token),
            i % 2 === 0 ? store.destroy(token) : offered(store, 'users').revoke(`user${i}`),
          ]);
          expect(ended).toBe(i % 2 === 0 ? true : 1);
          await inStep(store, other);
          const copies = [token, touched?.token, updated.status === 'ok' ? updated.token : undefined];
          for (const copy of copies)
            if (copy !== undefined && ((await isLive(store, copy)) || (await isLive(other, copy))))
              resurrected += 1;
        });
        await Promise.all(races);
      }
      expect(resurrected).toBe(0);
    });

    test('of a logout and a rotation in flight exactly one wins', async () => {
      const store = await servers(service, { options })();
      for (let batch = 0; batch < 15; batch += 1) {
        const races = Array.from({ length: 20 }, async (_, i) => {
          const token = await login(store, `user${i}`);
          // Half of the rotations are sent before the logout, half after.
          const early = i % 2 === 0 ? store.rotate(token, {}) : undefined;
          const [ended, rotated] = await Promise.all([
            store.destroy(token),
            early ?? store.rotate(token, {}),
          ]);
          const next = rotated?.status === 'created' ? rotated.token : undefined;
          expect(ended).toBe(next === undefined);
          expect(await isLive(store, token)).toBe(false);
          if (next !== undefined) expect(await isLive(store, next)).toBe(true);
        });
        await Promise.all(races);
      }
    });

    test('another spelling, or the twin, of a logged-out token is logged out too', async () => {
      const privateKeyPem = privateKeyFor('ES256') ?? '';
      const store = await servers(service, { options: { ...options, alg: 'ES256' }, privateKeyPem })();
      const token = await login(store);
      const copies = [token, swappedEcdsa(token), ...respelled(token), ...respelled(swappedEcdsa(token))];
      expect(await isLive(store, swappedEcdsa(token))).toBe(true);
      expect(await store.destroy(token)).toBe(true);
      for (const copy of copies) {
        expect(await isLive(store, copy)).toBe(false);
        expect(await store.destroy(copy)).toBe(false);
      }
    });

    test('a revocation reaches logins that have idled away by its own clock, but not by another server’s', async () => {
      const open = servers(service, { options });
      let clockMs = Date.now();
      const store = await open({ now: () => clockMs });
      const ahead = await open({ now: () => clockMs + DENY_TOLERANCE_MS - 5_000 });
      const token = await login(store);
      clockMs += 10 * MINUTE_MS - 10_000;
      expect(await isLive(store, token)).toBe(true);
      expect(await isLive(ahead, token)).toBe(false);
      expect(await offered(ahead, 'users').revoke('alice')).toBe(0);
      await inStep(store);
      expect(await isLive(store, token)).toBe(false);
    });

    test('a touched login stays in the index past its first idle time', async () => {
      let clockMs = Date.now();
      const store = await servers(service, { options, now: () => clockMs })();
      let token = await login(store);
      for (let i = 0; i < 3; i += 1) {
        clockMs += 6 * MINUTE_MS;
        token = (await store.touch(token))?.token ?? '';
      }
      expect(await offered(store, 'users').list('alice')).toHaveLength(1);
      expect(await offered(store, 'users').revoke('alice')).toBe(1);
      expect(await isLive(store, token)).toBe(false);
    });

    test('only a genuine token costs a question', async () => {
      const store = await servers(service, { options })();
      const token = await login(store);
      const before = store.roundTrips();
      for (const garbage of ['', 'x', `${token}x`, token.replace(/.{4}$/, 'AAAA'), 'a.b.c'])
        expect(await store.read(garbage)).toBeUndefined();
      // Asking for the figure may itself be a round trip.
      expect(store.roundTrips() - before).toBeLessThanOrEqual(1);
    });
  },
);

describe.each(['closed', 'open'] as const)('the deny list fails, on-outage=%s', (mode) => {
  const options = { 'on-outage': mode };

  test('an outage: reads are refused or taken as chosen, what must be written never', async () => {
    const server = await start('commit');
    const store = await servers(server, { options })();
    const [token, ended] = [await login(store), await login(store)];
    await store.destroy(ended);
    await server.kill();
    if (mode === 'closed') {
      for (const call of [() => store.read(token), () => store.update(token, 'x'), () => store.touch(token)])
        await expectRefusal(call());
    } else {
      expect(await isLive(store, token)).toBe(true);
      expect((await store.update(token, 'x')).status).toBe('ok');
      // No later expiry: it could not be recorded.
      expect(await store.touch(token)).toEqual({});
    }
    for (const call of [
      () => login(store),
      () => store.rotate(token, {}),
      () => store.destroy(token),
      () => offered(store, 'users').destroyLogin('alice', 'x'.repeat(22)),
      () => offered(store, 'users').revoke('alice'),
      () => offered(store, 'users').setDisabled('alice', true),
      () => offered(store, 'users').list('alice'),
    ])
      await expectRefusal(call());
    expect(await store.read('forged')).toBeUndefined();

    await server.restart();
    const answers = () =>
      offered(store, 'users')
        .list('alice')
        .then(() => 'answers', String);
    await expect.poll(answers, { timeout: RECOVERY_GUARD_MS }).toBe('answers');
    expect(await isLive(store, token)).toBe(true);
    expect(await isLive(store, ended)).toBe(false);
  });

  test.each(['flush', 'restart without persistence'])(
    'a loss by %s: all is refused, then fresh',
    async (how) => {
      const server = await start('none');
      const open = servers(server, { options, durability: 'none' });
      const store = await open();
      const [token, ended] = [await login(store), await login(store)];
      await store.destroy(ended);
      if (how === 'flush') await server.command('FLUSHALL');
      else {
        await server.kill();
        await server.restart();
        const answers = () => store.read(token).then(String, (e: Error) => (e.cause as Error).name);
        await expect.poll(answers, { timeout: RECOVERY_GUARD_MS }).toBe('DenyListLostError');
      }
      const everything = [
        () => store.read(token),
        () => store.read(ended),
        () => store.update(token, 'x'),
        () => store.touch(token),
        () => store.rotate(token, {}),
        () => store.destroy(token),
        () => login(store),
        () => offered(store, 'users').revoke('alice'),
        () => offered(store, 'users').setDisabled('alice', true),
        () => offered(store, 'users').list('alice'),
      ];
      for (const call of everything) await expectRefusal(call(), DenyListLostError);

      // A server that starts now opens a new list: earlier tokens are all logged out.
      const fresh = await open();
      expect(await isLive(fresh, token)).toBe(false);
      expect(await isLive(fresh, ended)).toBe(false);
      expect(await isLive(fresh, await login(fresh))).toBe(true);
      // The old server has not seen the new list's beginning, and says so.
      await expectRefusal(store.read(token), DenyListLostError);
      // A restart of a server without a loss is not a beginning.
      expect(await isLive(await open(), await login(fresh))).toBe(true);
    },
  );
});

describe('denials in Redis', () => {
  test('a list of thousands of logins of one user', async () => {
    const store = await servers(await start('none'))();
    for (let i = 0; i < 200; i += 1) await Promise.all(Array.from({ length: 25 }, () => login(store)));
    expect(await offered(store, 'users').list('alice')).toHaveLength(5_000);
  });

  test('a denial is kept until the absolute expiry and the tolerance, whenever its token ends', async () => {
    const server = await start();
    const store = await servers(server, { namespace: 'kept' })();
    const token = await login(store);
    const handle = (await store.read(token))?.handle;
    await store.destroy(token);
    const ttlMs = Number(await server.command('PTTL', `kept:deny:${handle}`));
    expect(ttlMs).toBeGreaterThan(60 * MINUTE_MS);
    expect(ttlMs).toBeLessThanOrEqual(60 * MINUTE_MS + DENY_TOLERANCE_MS);
  });

  test('an evicting Redis is refused at opening', async () => {
    const server = await start('none', '--maxmemory-policy', 'allkeys-lru');
    await expect(servers(server)()).rejects.toThrow(EvictionPolicyError);
  });

  test('full: logins are refused, logouts are not', async () => {
    const server = await start('none');
    const store = await servers(server)();
    const [token, other, anonymous] = [
      await login(store),
      await login(store),
      await store.create({ role: 'user', data: '' }),
    ];
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    await expectRefusal(login(store));
    expect(await store.destroy(token)).toBe(true);
    expect(await isLive(store, token)).toBe(false);
    expect(await store.touch(other)).toMatchObject({});
    expect(await offered(store, 'users').revoke('alice')).toBe(1);
    expect(await isLive(store, other)).toBe(false);
    expect(anonymous.status === 'created' && (await store.destroy(anonymous.token))).toBe(true);
  });
});
