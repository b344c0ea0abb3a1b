import type { StoreDefinition } from '../store.ts';
import { traitsOfService } from '../traits.ts';
import { mariadbService } from './service.ts';

/** MariaDB backend: a row per session, under the SHA-256 of its token. */
export const mariadb: StoreDefinition = {
  name: 'mariadb',
  aliases: ['mysql'],
  summary: 'a row per session in MariaDB, found by the hash of its token',
  isOnRequest: true,
  options: {
    write: { meaning: 'update: compare-and-swap, or last write wins', values: ['cas', 'lww'] },
    driver: {
      meaning: 'mariadb pipelines its reads on one connection; mysql2 sends one statement at a time on each',
      values: ['mariadb', 'mysql2'],
    },
  },
  service: () => mariadbService,
  connections: (_options, poolSize) => poolSize,
  offers: () => ['users', 'failedLogins', 'sweep'],
  declaredTraits: traitsOfService,
  // Only servers of this backend load a driver.
  open: async (context) => (await import('./store.ts')).openMariadbStore(context),
};
