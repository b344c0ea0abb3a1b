import type { StoreDefinition } from '../store.ts';
import { traitsOfService } from '../traits.ts';
import { redisService } from './service.ts';

/**
 * Sessions in Redis, one string each under the SHA-256 of its token; one round trip per method.
 *
 * A command that times out may have been executed: a create then leaves a session whose token nobody holds, until it
 * idles away. On a cluster the keys of a user share a slot, which the token names (spaces.ts).
 */
export const redis: StoreDefinition = {
  name: 'redis',
  summary: 'in Redis: one string per session, scripts for every write, one round trip per request',
  isGated: true,
  options: {
    pipelining: {
      meaning:
        'none: each command is written at once. auto: those of a turn of the event loop in one write, for more ' +
        'requests at a full server; one that is not full pays for it',
      values: ['none', 'auto'],
      absent: 'auto',
    },
    read: {
      meaning:
        'get: a plain read. getex: each read also renews the TTL of the key, which is a write (append-only file, ' +
        'replicas), to measure its cost; touch still decides when a session idles away',
      values: ['get', 'getex'],
    },
    write: { meaning: 'update: compare-and-swap, or last write wins', values: ['cas', 'lww'] },
  },
  service: () => redisService,
  connections: () => 1,
  offers: () => ['users', 'failedLogins'],
  declaredTraits: traitsOfService,
  // Only servers of this backend load the driver.
  open: async (context) => (await import('./store.ts')).openRedisStore(context),
};
