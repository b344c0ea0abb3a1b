import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildServer, PROJECT_ROOT } from '../bench/environment/programs.ts';
import { type RedisFixture, startRedisFixture } from '../stores/redis/fixture.ts';
import { CASES, exchange, type Recording } from './fixtures/exchange.ts';
import recorded from './fixtures/exchange-07d888b.json' with { type: 'json' };

describe('a server answers as it did at 07d888b', () => {
  let program: string;
  let redis: RedisFixture;
  let accountsDirectory: string;
  beforeAll(async () => {
    [program, redis, accountsDirectory] = await Promise.all([
      buildServer(PROJECT_ROOT),
      startRedisFixture('none'),
      mkdtemp(join(tmpdir(), 'frozen-')),
    ]);
  });
  afterAll(async () => {
    await Promise.all([redis.stop(), rm(accountsDirectory, { recursive: true })]);
  });

  test.concurrent.each(Object.entries(CASES))('%s', async (name, options) => {
    const { messages, replies }: Recording = recorded[name as keyof typeof CASES];
    const now = await exchange([program], {
      ...options,
      ...(options.store === 'memory' ? { accountsDirectory } : {}),
      ...(options.store === 'jwt-blacklist' ? { serviceUrl: redis.url } : {}),
    });
    expect(replies.length).toBeGreaterThan(30);
    expect(now.replies).toEqual(replies);
    // A message may have got more keys since.
    expect(now.messages).toMatchObject(messages);
  });
});
