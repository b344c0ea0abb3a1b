import { accountOf, type CountFailedLogins, limiterOptions } from '../failed-logins.ts';
import { count, get, remove } from './commands.ts';
import type { MemcachedConnection } from './connection.ts';

/**
 * Counts in Memcached, one item for each account, which Memcached expires: it counts and begins a window by one command.
 * A window ends up to two seconds late, never early. rate-limiter-flexible would need a client of another shape.
 */
export function memcachedFailedLogins(connection: MemcachedConnection, namespace: string): CountFailedLogins {
  return (rule) => {
    const { keyPrefix, points, duration } = limiterOptions(`${namespace}:f:`, rule);
    const keyOf = (userId: string) => keyPrefix + accountOf(userId);
    return {
      isOver: (userId) =>
        connection.run('isOver', async (link) => {
          const text = await get(link, keyOf(userId));
          if (text === undefined) return false;
          if (!/^\d+ *$/.test(text))
            throw new TypeError('expected a count of failed logins, got another value');
          return Number(text) >= points;
        }),
      add: (userId) =>
        connection.run('addFailedLogin', (link) => count(link, keyOf(userId), duration * 1000)),
      clear: (userId) =>
        connection.run('clearFailedLogins', async (link) => void (await remove(link, keyOf(userId)))),
    };
  };
}
