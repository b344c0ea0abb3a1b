import type { StoreDefinition } from '../store.ts';
import { traitsOfService } from '../traits.ts';
import { memcachedService } from './service.ts';

/**
 * Sessions in Memcached, one item each under the SHA-256 of its token, and one for each user with the list of the
 * logins. A read is one round trip; writes take two and more, for Memcached runs no scripts.
 *
 * A command that times out may have been executed: a create then leaves a session whose token nobody holds, until it
 * idles away.
 */
export const memcached: StoreDefinition = {
  name: 'memcached',
  summary: 'in Memcached: one item per session, compare-and-swap for every write; a restart loses all',
  isOnRequest: true,
  options: {
    write: { meaning: 'update: compare-and-swap, or last write wins', values: ['cas', 'lww'] },
  },
  service: () => memcachedService,
  connections: () => 1,
  offers: () => ['users', 'failedLogins'],
  declaredTraits: (options) => traitsOfService(options, 'none'),
  // Only servers of this backend load the client.
  open: async (context) => (await import('./store.ts')).openMemcachedStore(context),
};
