import { afterEach, expect, test } from 'vitest';
import { redisClient } from './client.ts';
import { type RedisFixture, startRedisFixture } from './fixture.ts';

let server: RedisFixture | undefined;
afterEach(() => server?.stop());

const KEYS = 2_000;
const VALUE = 'v'.repeat(1_000);

/** A Redis with keys of which the first ends soonest, and no room for more. */
async function full(whenFull: 'refuse' | 'drop-least-used' | 'drop-ending-soonest'): Promise<RedisFixture> {
  server = await startRedisFixture('none');
  for (let key = 0; key < KEYS; key += 1) await server.command('SET', `k${key}`, VALUE, 'EX', 1_000 + key);
  await redisClient.limitRoom?.(server.url, whenFull);
  return server;
}

test('refuses writes, keeps what it has, and takes them again when the limit is gone', async () => {
  const redis = await full('refuse');
  const write = () => redis.command('SET', 'new', 'v');
  await expect(write()).rejects.toThrow('OOM');
  expect(await redis.command('GET', 'k0')).toBe(VALUE);
  await redisClient.limitRoom?.(redis.url, undefined);
  await write();
});

test.each(['drop-least-used', 'drop-ending-soonest'] as const)(
  '%s: a write takes the room of others',
  async (whenFull) => {
    const redis = await full(whenFull);
    for (let key = 0; key < 200; key += 1) await redis.command('SET', `new${key}`, VALUE, 'EX', 90_000);
    const left = Number(await redis.command('DBSIZE'));
    expect(left).toBeLessThan(KEYS + 150);
    if (whenFull === 'drop-least-used') return;
    const exists = async (from: number) =>
      Number(await redis.command('EXISTS', ...Array.from({ length: 500 }, (_, at) => `k${from + at}`)));
    expect(await exists(0)).toBeLessThan(await exists(KEYS - 500));
  },
);
