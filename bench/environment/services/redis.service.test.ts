import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisDurability } from '../../../stores/redis/client.ts';
import { redisArguments } from '../../../stores/redis/server.ts';
import { redisService } from '../../../stores/redis/service.ts';
import { type Guard, openGuard, type TemporaryDirectory } from '../processes/guard.ts';
import { REDIS_SUITE } from './redis-suite.ts';
import type { StartedService } from './service.ts';
import { describeService } from './service-suite.ts';
import { startService } from './start.ts';
import { describeUnreachable } from './unreachable-suite.ts';

describeService({ ...REDIS_SUITE, tier: 'local' });

describe('redisArguments', () => {
  it.each([
    ['none', '--appendonly no'],
    ['second', '--appendonly yes --appendfsync everysec'],
    ['commit', '--appendonly yes --appendfsync always'],
  ] as const)('durability %s: %s; never a snapshot, never an eviction', (durability, expected) => {
    const text = redisArguments({ port: 1, directory: '/d', mark: 'm.rdb' }, durability).join(' ');
    expect(text).toContain(expected);
    expect(text).toContain('--save  --');
    expect(text).toContain('--maxmemory-policy noeviction');
  });
});

describe('redisDurability', () => {
  it.each([
    [{}, undefined],
    [{ appendonly: 'no', save: '' }, 'none'],
    [{ appendonly: 'no', save: '3600 1' }, 'other'],
    [{ appendonly: 'yes', appendfsync: 'everysec', save: '' }, 'second'],
    [{ appendonly: 'yes', appendfsync: 'always', save: '3600 1' }, 'commit'],
    [{ appendonly: 'yes', appendfsync: 'no', save: '' }, 'other'],
  ])('%o is %s', (settings, expected) => {
    expect(redisDurability(settings)).toBe(expected);
  });
});

describe('an external Redis', () => {
  let guard: Guard;
  let directory: TemporaryDirectory;
  let own: StartedService;
  const request = () =>
    ({ durability: 'second', directory: directory.path, maxConnections: 10, guard }) as const;
  const use = (url: string): Promise<StartedService> =>
    startService(redisService, { ...request(), tier: 'url', url });
  const admin = async <T>(talk: (redis: Redis) => Promise<T>): Promise<T> => {
    const redis = new Redis(own.url);
    try {
      return await talk(redis);
    } finally {
      redis.disconnect();
    }
  };

  beforeAll(async () => {
    guard = await openGuard();
    directory = guard.createDirectory('redis-url');
    own = await startService(redisService, { ...request(), tier: 'local' });
  });
  afterAll(async () => {
    await own.stop();
    directory.remove();
    await guard.close();
  });

  describeUnreachable(use, (port) => `redis://127.0.0.1:${port}`);

  it('a user who may not see the settings: they are missing, and no durability is claimed', async () => {
    await admin((redis) => redis.call('ACL', 'SETUSER', 'plain', 'on', '>pw', '~*', '+@all', '-config'));
    const seen = await use(own.url.replace(/\/\/.*@/, '//plain:pw@'));
    expect(seen.settings).toEqual({});
    expect(seen.durabilityMatches).toBeUndefined();
    expect(seen.version).toBe(own.version);
  });

  it('settle waits for a rewrite of the append-only file', async () => {
    await admin(async (redis) => {
      await redis.config('SET', 'rdb-key-save-delay', '2000');
      const pipeline = redis.pipeline();
      for (let key = 0; key < 200; key += 1) pipeline.set(`key:${key}`, 'x');
      await pipeline.exec();
      await redis.bgrewriteaof();
      await own.settle();
      expect(await redis.info('persistence')).toContain('aof_rewrite_in_progress:0');
      expect(await redis.info('persistence')).toContain('aof_last_bgrewrite_status:ok');
    });
  });
});
