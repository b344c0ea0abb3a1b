import type { Redis } from 'ioredis';
import type { WhenFull } from '../service.ts';
import { readInfo } from './info.ts';

const POLICIES: Readonly<Record<WhenFull, string>> = {
  refuse: 'noeviction',
  'drop-least-used': 'allkeys-lru',
  'drop-ending-soonest': 'volatile-ttl',
};

/**
 * Sets the limit of memory to what is in use, or none. Without eviction it is one byte: what is in use includes buffers,
 * whose room a run of logins was then given. Servers that are connected do not look at the policy again.
 */
export async function limitRoom(redis: Redis, whenFull: WhenFull | undefined): Promise<void> {
  const used = (await readInfo(redis, 'memory'))?.get('used_memory') ?? '1';
  const limit = whenFull === undefined ? '0' : whenFull === 'refuse' ? '1' : used;
  await redis.config('SET', 'maxmemory-policy', POLICIES[whenFull ?? 'refuse']);
  await redis.config('SET', 'maxmemory', limit);
}
