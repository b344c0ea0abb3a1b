import type { Redis } from 'ioredis';
import type { WhenFull } from '../service.ts';
import { readInfo } from './info.ts';

const POLICIES: Readonly<Record<WhenFull, string>> = {
  refuse: 'noeviction',
  'drop-least-used': 'allkeys-lru',
  'drop-ending-soonest': 'volatile-ttl',
};

/** Sets the limit of memory to what is in use, or none. Servers that are connected do not look at the policy again. */
export async function limitRoom(redis: Redis, whenFull: WhenFull | undefined): Promise<void> {
  const memory = whenFull === undefined ? undefined : await readInfo(redis, 'memory');
  await redis.config('SET', 'maxmemory-policy', POLICIES[whenFull ?? 'refuse']);
  await redis.config('SET', 'maxmemory', memory?.get('used_memory') ?? '0');
}
