import type { StoreDefinition } from '../store.ts';
import { traitsOfService } from '../traits.ts';
import { mongodbService } from './service.ts';

/**
 * Sessions in MongoDB, a document each under the SHA-256 of its token, and one for each user with the list of the
 * logins. A read is one round trip; a login takes three, for nothing over two documents is atomic without a replica set.
 */
export const mongodb: StoreDefinition = {
  name: 'mongodb',
  summary: 'in MongoDB: a document per session, and one per user with the list of the logins',
  isOnRequest: true,
  options: {
    write: { meaning: 'update: compare-and-swap, or last write wins', values: ['cas', 'lww'] },
  },
  service: () => mongodbService,
  // One is the driver's own, which watches the server.
  connections: (_options, poolSize) => Math.max(2, poolSize),
  offers: () => ['users', 'failedLogins'],
  declaredTraits: traitsOfService,
  // Only servers of this backend load the driver.
  open: async (context) => (await import('./store.ts')).openMongodbStore(context),
};
