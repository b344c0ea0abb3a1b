import { afterEach, expect, test } from 'vitest';
import { type RedisFixture, startRedisFixture } from '../../stores/redis/fixture.ts';
import { parseConfig } from '../config/config.ts';
import { inspectExternal } from './preflight.ts';

const open: RedisFixture[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

test('another durability than the named one is refused before anything starts, by the name that it has', async () => {
  const redis = await startRedisFixture('none');
  open.push(redis);
  const inspect = (durability: string) =>
    inspectExternal(parseConfig({ store: 'redis', redisUrl: redis.url, durability }, {}));
  await expect(inspect('second')).rejects.toMatchObject({
    code: 'SERVICE_REFUSED',
    details: {
      expected: 'redis to be set to --durability second',
      got: expect.stringContaining('appendonly=no'),
      remedy: 'Name --durability none, or change its settings.',
    },
  });
  expect(await inspect('none')).toEqual([expect.stringMatching(/^loading redis at redis:.*, Redis \d/)]);
  await redis.command('CONFIG', 'SET', 'save', '60 1');
  await expect(inspect('none')).rejects.toMatchObject({ details: { remedy: 'Change its settings.' } });
});
