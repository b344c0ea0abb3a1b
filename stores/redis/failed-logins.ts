import { RateLimiterRedis } from 'rate-limiter-flexible';
import { type CountFailedLogins, counts, limiterOptions } from '../failed-logins.ts';
import type { RedisConnection } from './connection.ts';

/** Counts in Redis, one key for each account, which Redis expires. Failures are `StoreUnavailableError`. */
export function redisFailedLogins(connection: RedisConnection, namespace: string): CountFailedLogins {
  return (rule) => {
    const limiter = new RateLimiterRedis({
      ...limiterOptions(`${namespace}:f`, rule),
      storeClient: connection.client,
      rejectIfRedisNotReady: true,
    });
    return counts(limiter, rule, connection.ask);
  };
}
