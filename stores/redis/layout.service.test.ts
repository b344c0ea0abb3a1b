import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../open.ts';
import type { OpenContext, SessionStore } from '../store.ts';
import { anySession, anyText } from '../suite/any-session.ts';
import { contextFor } from '../suite/context.ts';
import { offered } from '../suite/offered.ts';
import { redis } from './backend.ts';
import { type RedisFixture, startRedisFixture } from './fixture.ts';
import { decodeValue, encodeUser, encodeValue, HEADER_BYTES } from './value.ts';

const MINUTE_MS = 60_000;

describe('the layout of a session in Redis', () => {
  const anyValue = anySession(9_999_999_999_999, 99_999_999);

  test('any value comes back as it was, also half surrogates and NUL', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(decodeValue(encodeValue(value))).toEqual(value);
        // What Redis is sent is UTF-8.
        expect(Buffer.from(encodeValue(value)).toString()).toBe(encodeValue(value));
      }),
    );
  });

  test('users never share a key, and keys are plain ASCII', () => {
    fc.assert(
      fc.property(anyText, anyText, (one, other) => {
        expect(encodeUser(one)).toMatch(/^=[\x21-\x7e]*$/);
        expect(encodeUser(one) === encodeUser(other)).toBe(one === other);
      }),
    );
    expect(() => encodeUser('x'.repeat(20_000))).toThrow(RangeError);
  });
});

describe('keys and expiry in Redis', () => {
  let server: RedisFixture;
  let context: OpenContext;
  let store: SessionStore;
  let clockMs = Date.now();

  beforeAll(async () => {
    server = await startRedisFixture('second');
    context = contextFor(redis, { serviceUrl: server.url, now: () => clockMs });
    store = await openStore(redis, context);
  });
  afterAll(async () => {
    await store.close();
    await server.stop();
  });

  const login = async (userId: string, data = 'd', from = store) => {
    const result = await from.create({ userId, role: 'user', data });
    if (result.status !== 'created') throw new Error(`expected a login, got ${result.status}`);
    const handle = (await from.read(result.token))?.handle ?? '';
    return { token: result.token, key: `${context.namespace}:s:${handle}`, handle };
  };
  const aofBytes = async () =>
    Number(/aof_current_size:(\d+)/.exec(String(await server.command('INFO', 'persistence')))?.[1]);

  test('a dump of Redis holds no token', async () => {
    const { token, key } = await login('dumped');
    expect(await server.command('EXISTS', key)).toBe(1);
    const keys = (await server.command('KEYS', '*')) as string[];
    expect(keys.filter((name) => name.includes(token))).toEqual([]);
  });

  test('data that UTF-8 cannot hold is kept by create, update and rotate', async () => {
    const odd = 'half \ud83e pair \udd8a whole 🦊 nul \0';
    const { token } = await login('odd', odd);
    expect((await store.read(token))?.data).toBe(odd);
    const anonymous = await store.create({ role: 'user', data: odd });
    if (anonymous.status !== 'created') throw new Error('expected a session');
    const rotated = await store.rotate(anonymous.token, { userId: 'grüße %=:\ud800' });
    if (rotated?.status !== 'created') throw new Error('expected a session');
    expect(await store.read(rotated.token)).toMatchObject({ data: odd, userId: 'grüße %=:\ud800' });
    await store.update(rotated.token, 'plain');
    expect(await store.read(rotated.token)).toMatchObject({ data: 'plain', userId: 'grüße %=:\ud800' });
    expect((await store.update(rotated.token, odd)).status).toBe('ok');
    expect((await store.read(rotated.token))?.data).toBe(odd);
  });

  test('a touch writes a stamp, not the data', async () => {
    const big = 'x'.repeat(65_536);
    const { token, key } = await login('big', big);
    const before = await aofBytes();
    for (let i = 0; i < 10; i += 1) {
      clockMs += MINUTE_MS;
      expect(await store.touch(token)).toEqual({});
    }
    // Counted, not waited for: the size is that of what Redis has written so far.
    expect((await aofBytes()) - before).toBeLessThan(10 * 500);
    expect((await store.read(token))?.data).toBe(big);
    expect(await server.command('STRLEN', key)).toBe(HEADER_BYTES + '=big'.length + big.length);
    expect(await server.command('PTTL', key)).toBeGreaterThan(9 * MINUTE_MS);
  });

  test('an update keeps the TTL', async () => {
    const { token, key } = await login('ttl');
    await server.command('PEXPIRE', key, 123_000);
    expect((await store.update(token, 'new')).status).toBe('ok');
    expect(await server.command('PTTL', key)).toBeLessThanOrEqual(123_000);
    expect(await server.command('PTTL', key)).toBeGreaterThan(100_000);
  });

  test('getex renews the TTL of a key at each read, get does not', async () => {
    const renewing = await openStore(redis, { ...context, options: { ...context.options, read: 'getex' } });
    for (const [reader, renewed] of [
      [store, false],
      [renewing, true],
    ] as const) {
      const { token, key } = await login('renewed', 'd', reader);
      await server.command('PEXPIRE', key, 5_000);
      await reader.read(token);
      expect(Number(await server.command('PTTL', key)) > 5_000).toBe(renewed);
    }
    await renewing.close();
  });

  test('the index keeps touched logins past their first idle time, drops idle ones, and goes away itself', async () => {
    const index = `${context.namespace}:u:=indexed`;
    const touched = await login('indexed');
    const idle = await login('indexed');
    for (let minutes = 0; minutes < 12; minutes += 6) {
      clockMs += 6 * MINUTE_MS;
      await store.touch(touched.token);
    }
    expect((await offered(store, 'users').list('indexed'))?.map((entry) => entry.handle)).toEqual([
      touched.handle,
    ]);
    expect(await server.command('ZCARD', index)).toBe(2);
    const limit = { cap: 2, onCap: 'refuse' } as const;
    const within = await store.create({ userId: 'indexed', role: 'user', data: 'd' }, limit);
    expect(within.status).toBe('created');
    expect(await server.command('ZSCORE', index, idle.handle)).toBeNull();
    expect(await server.command('EXISTS', idle.key)).toBe(0);
    const beyond = await store.create({ userId: 'indexed', role: 'user', data: 'd' }, limit);
    expect(beyond).toEqual({ status: 'limit' });

    clockMs += 61 * MINUTE_MS;
    await login('indexed');
    expect(await server.command('ZCARD', index)).toBe(1);
    expect(await server.command('PTTL', index)).toBeGreaterThan(59 * MINUTE_MS);
    await offered(store, 'users').revoke('indexed');
    expect(await server.command('EXISTS', index)).toBe(0);
  });
});
