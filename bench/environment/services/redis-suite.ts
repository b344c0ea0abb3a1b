import { Redis } from 'ioredis';
import { redisService } from '../../../stores/redis/service.ts';
import type { ServiceSuite } from './service-suite.ts';

const COMMON = { save: '', maxmemory: '0', 'maxmemory-policy': 'noeviction', 'io-threads': '1' };

/** Guarantees of Redis on every tier. */
export const REDIS_SUITE: Omit<ServiceSuite, 'tier'> = {
  definition: redisService,
  settings: {
    none: { ...COMMON, appendonly: 'no' },
    second: { ...COMMON, appendonly: 'yes', appendfsync: 'everysec' },
    commit: { ...COMMON, appendonly: 'yes', appendfsync: 'always' },
  },
  async use(url) {
    const redis = new Redis(url);
    try {
      await redis.set('key', 'value');
      if ((await redis.get('key')) !== 'value') throw new Error('Redis lost a value');
    } finally {
      redis.disconnect();
    }
  },
};
