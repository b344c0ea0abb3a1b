import { RateLimiterMemory } from 'rate-limiter-flexible';
import { type CountFailedLogins, counts, limiterOptions } from '../failed-logins.ts';

/** Counts in this process only. `close` discards them and their timers. */
export function memoryFailedLogins(): { failedLogins: CountFailedLogins; close(): Promise<void> } {
  const limiters: RateLimiterMemory[] = [];
  return {
    failedLogins(rule) {
      const limiter = new RateLimiterMemory(limiterOptions('', rule));
      limiters.push(limiter);
      return counts(limiter, rule, (_operation, reply) => reply);
    },
    async close() {
      // The library keeps a timer for each account, and clears it only with the count.
      for (const limiter of limiters.splice(0))
        for (const { key } of limiter.dump().storage) await limiter.delete(key);
    },
  };
}
