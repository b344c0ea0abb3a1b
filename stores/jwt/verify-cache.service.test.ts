import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jwtBlacklist } from '../jwt-blacklist/backend.ts';
import { openStore } from '../open.ts';
import { type RedisFixture, startRedisFixture } from '../redis/fixture.ts';
import type { OpenContext, SessionStore, StoreDefinition } from '../store.ts';
import { contextFor } from '../suite/context.ts';
import { offered } from '../suite/offered.ts';
import { traitsOf } from '../traits.ts';
import { jwt } from './backend.ts';

const CACHED = { lib: 'fast-jwt', cache: '1000' };
const START_MS = 1_800_000_000_000;

async function login(store: SessionStore, data = 'd'): Promise<string> {
  const result = await store.create({ userId: 'alice', role: 'user', data });
  if (result.status !== 'created') throw new Error(`expected a login, got ${result.status}`);
  return result.token;
}

/** Reads until the cache has served this token. */
async function cachedRead(store: SessionStore, token: string): Promise<void> {
  const before = store.verifyCacheStats?.().hits ?? 0;
  for (let i = 0; i < 2; i += 1) expect(await store.read(token)).toBeDefined();
  expect(store.verifyCacheStats?.().hits).toBeGreaterThan(before);
}

test('hits, misses and distinct tokens are counted; without a cache there is nothing to count', async () => {
  const store = await openStore(jwt, contextFor(jwt, { options: CACHED }));
  const tokens = [await login(store), await login(store)] as const;
  for (const token of [...tokens, ...tokens, tokens[0]]) expect(await store.read(token)).toBeDefined();
  expect(store.verifyCacheStats?.()).toEqual({ hits: 3, misses: 2, distinctTokens: 2 });
  const plain = await openStore(jwt, contextFor(jwt, { options: { lib: 'fast-jwt' } }));
  expect(plain.verifyCacheStats).toBeUndefined();
  const traits = [CACHED, { lib: 'fast-jwt' }].map((options) => traitsOf(jwt, options, 'second'));
  expect(traits.map(({ verifyCache }) => verifyCache)).toEqual([true, false]);
});

test('a token that leaves the cache is verified again, and is not a new one', async () => {
  const store = await openStore(jwt, contextFor(jwt, { options: CACHED }));
  const tokens = await Promise.all(Array.from({ length: 1001 }, () => login(store)));
  for (const token of [...tokens, ...tokens]) expect(await store.read(token)).toBeDefined();
  // The least recently used leaves, which is always the next one that is read.
  expect(store.verifyCacheStats?.()).toEqual({ hits: 0, misses: 2002, distinctTokens: 1001 });
});

test('a cached token is refused from its expiry on, to the millisecond', async () => {
  let clockMs = START_MS;
  const store = await openStore(
    jwt,
    contextFor(jwt, { options: CACHED, now: () => clockMs, idleSeconds: 60, absoluteSeconds: 3600 }),
  );
  const token = await login(store);
  await cachedRead(store, token);
  clockMs = START_MS + 59_999;
  await cachedRead(store, token);
  clockMs += 1;
  expect(await store.read(token)).toBeUndefined();
});

test('a key does not open what another key has cached', async () => {
  const context = contextFor(jwt, { options: CACHED });
  const store = await openStore(jwt, context);
  const token = await login(store);
  await cachedRead(store, token);
  const other = await openStore(jwt, { ...context, secret: randomBytes(32) });
  expect(await other.read(token)).toBeUndefined();
  const forged = token.replace(/\.[^.]+$/, (end) => `.${end.slice(1).split('').reverse().join('')}`);
  expect(await store.read(forged)).toBeUndefined();
  expect(await store.read(forged)).toBeUndefined();
});

describe('with a deny list', () => {
  let server: RedisFixture;
  beforeAll(async () => {
    server = await startRedisFixture('second');
  });
  afterAll(() => server.stop());

  test.each(['destroy', 'revokeUser', 'setDisabled'] as const)(
    'a cached token is refused after %s, on every server at once',
    async (how) => {
      const definition: StoreDefinition = jwtBlacklist;
      const context: OpenContext = contextFor(definition, { options: CACHED, serviceUrl: server.url });
      const stores = [await openStore(definition, context), await openStore(definition, context)] as const;
      const token = await login(stores[0]);
      for (const store of stores) await cachedRead(store, token);
      if (how === 'destroy') expect(await stores[0].destroy(token)).toBe(true);
      if (how === 'revokeUser') expect(await offered(stores[0], 'users').revoke('alice')).toBe(1);
      if (how === 'setDisabled') expect(await offered(stores[0], 'users').setDisabled('alice', true)).toBe(1);
      for (const store of stores) expect(await store.read(token)).toBeUndefined();
      await Promise.all(stores.map((store) => store.close()));
    },
  );
});
