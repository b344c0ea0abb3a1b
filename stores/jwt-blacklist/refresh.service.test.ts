import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { jwtKeys } from '../jwt/keys.ts';
import { openStore } from '../open.ts';
import { startPostgresFixture } from '../postgres/fixture.ts';
import { type RedisFixture, startRedisFixture } from '../redis/fixture.ts';
import { type OpenContext, type SessionStore, StoreUnavailableError } from '../store.ts';
import { offered } from '../suite/offered.ts';
import { isLive, login, rotate, rotating } from '../suite/refresh-fixture.ts';
import { jwtBlacklist } from './backend.ts';
import { DenyListLostError } from './deny-list.ts';

const RECOVERY_GUARD_MS = 5_000;
const ROUNDS = 15;
const AT_ONCE = 20;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(context: OpenContext): Promise<SessionStore> {
  const store = await openStore(jwtBlacklist, context);
  cleanups.push(() => store.close());
  return store;
}

async function expectRefusal(call: Promise<unknown>, cause: new (...args: never[]) => Error = Error) {
  const error = await call.then(
    (value) => `answered ${JSON.stringify(value)}`,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StoreUnavailableError);
  expect((error as Error).cause).toBeInstanceOf(cause);
}

describe.each(['redis', 'postgres'])('refresh tokens with db=%s', (db) => {
  let service: { url: string; stop(): Promise<void> };
  beforeAll(async () => {
    service = db === 'redis' ? await startRedisFixture('second') : await startPostgresFixture();
  });
  afterAll(() => service.stop());

  test('no refresh in flight survives a logout or a revocation', async () => {
    const context = rotating(service.url, { options: { db } });
    const [store, other] = [await open(context), await open(context)];
    let alive = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const races = Array.from({ length: AT_ONCE }, async (_, i) => {
        const user = `user${i}`;
        const { token, refreshToken } = await login(store, user);
        // Half of the refreshes are sent before the logout, half after.
        const early = i % 2 === 0 ? offered(other, 'refresh')(refreshToken) : undefined;
        const end = i % 4 < 2 ? store.destroy(token) : offered(store, 'users').revoke(user);
        const [ended, result] = await Promise.all([end, early ?? offered(other, 'refresh')(refreshToken)]);
        expect(Number(ended)).toBe(1);
        expect(['refreshed', 'gone']).toContain(result.status);
        if (await isLive(other, token)) alive += 1;
        if (result.status !== 'refreshed') return;
        if (await isLive(store, result.token)) alive += 1;
        expect(await offered(store, 'refresh')(result.refreshToken)).toEqual({ status: 'gone' });
      });
      await Promise.all(races);
    }
    expect(alive).toBe(0);
  });

  test('what fits in a token fits in its refresh token', async () => {
    const store = await open(rotating(service.url, { options: { db }, maxTokenBytes: 1000 }));
    const { token, refreshToken } = await login(store);
    let refresh = refreshToken;
    let copy = token;
    let length = 1;
    for (; ; length += 1) {
      const updated = await store.update(copy, 'x'.repeat(length));
      if (updated.status === 'too-large') break;
      const result = await offered(store, 'refresh')(
        refresh,
        updated.status === 'ok' ? updated.token : undefined,
      );
      if (result.status !== 'refreshed') throw new Error(`${length} characters: ${result.status}`);
      expect(result.refreshToken.length).toBeLessThanOrEqual(1000);
      [copy, refresh] = [result.token, result.refreshToken];
    }
    expect(length).toBeGreaterThan(300);
    const tooLarge = { userId: 'alice', role: 'user', data: 'x'.repeat(length + 4) } as const;
    expect(await store.create(tooLarge)).toEqual({ status: 'too-large' });
  });

  test('without the option nothing has a refresh token, and those of another time are not taken', async () => {
    const context = rotating(service.url, { options: { db } });
    const { refreshToken } = await login(await open(context));
    const plain = await open({ ...context, options: { ...context.options, refresh: 'off' } });
    const created = await plain.create({ userId: 'bob', role: 'user', data: 'd' });
    expect(created.status === 'created' && created.refreshToken).toBeUndefined();
    expect(plain.refresh).toBeUndefined();
    expect(await isLive(plain, refreshToken)).toBe(false);
  });

  test('a type that does not fit its claims is refused, though the key is correct', async () => {
    const context = rotating(service.url, { options: { db } });
    const store = await open(context);
    const { token, refreshToken } = await login(store);
    const key = jwtKeys(context).signing;
    const forge = (genuine: string, typ: string) => {
      const header = Buffer.from(JSON.stringify({ alg: 'HS256', typ })).toString('base64url');
      const input = `${header}.${genuine.split('.')[1]}`;
      return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
    };
    expect(await isLive(store, forge(token, 'session+jwt'))).toBe(true);
    expect(await isLive(store, forge(refreshToken, 'session+jwt'))).toBe(false);
    for (const attack of [
      forge(token, 'refresh+jwt'),
      forge(refreshToken, 'JWT'),
      forge(refreshToken, 'at+jwt'),
    ])
      expect(await offered(store, 'refresh')(attack)).toEqual({ status: 'gone' });
    expect((await offered(store, 'refresh')(forge(refreshToken, 'refresh+jwt'))).status).toBe('refreshed');
  });
});

describe.each(['closed', 'open'])('the deny list fails under refresh tokens, on-outage=%s', (mode) => {
  let server: RedisFixture;
  const start = async (durability: 'none' | 'commit') => {
    server = await startRedisFixture(durability);
    cleanups.push(() => server.stop());
    return rotating(server.url, { durability, options: { 'on-outage': mode } });
  };

  test('an outage: nothing is refreshed, and nothing used up', async () => {
    const store = await open(await start('commit'));
    const { refreshToken } = await login(store);
    await server.kill();
    await expectRefusal(offered(store, 'refresh')(refreshToken));
    expect(await offered(store, 'refresh')('forged')).toEqual({ status: 'gone' });
    await server.restart();
    const answers = () =>
      offered(store, 'users')
        .list('alice')
        .then(() => 'answers', String);
    await expect.poll(answers, { timeout: RECOVERY_GUARD_MS }).toBe('answers');
    expect((await offered(store, 'refresh')(refreshToken)).status).toBe('refreshed');
  });

  test('a loss of the list: all is refused, and after it nothing old is taken', async () => {
    const context = await start('none');
    const store = await open(context);
    const { refreshToken } = await login(store);
    await server.command('FLUSHALL');
    await expectRefusal(offered(store, 'refresh')(refreshToken), DenyListLostError);
    const fresh = await open(context);
    expect(await offered(fresh, 'refresh')(refreshToken)).toEqual({ status: 'gone' });
    await expectRefusal(offered(store, 'refresh')(refreshToken), DenyListLostError);
  });

  test('full: a refresh still works, and a reuse still ends the login', async () => {
    const store = await open(await start('none'));
    const { token, refreshToken } = await login(store);
    const robbed = await login(store, 'bob');
    const thief = await rotate(store, robbed);
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    expect((await offered(store, 'refresh')(refreshToken)).status).toBe('refreshed');
    expect(await offered(store, 'refresh')(refreshToken)).toEqual({ status: 'reused' });
    expect(await isLive(store, token)).toBe(false);
    expect(await offered(store, 'refresh')(robbed.refreshToken)).toEqual({ status: 'reused' });
    expect(await isLive(store, thief.token)).toBe(false);
  });
});
