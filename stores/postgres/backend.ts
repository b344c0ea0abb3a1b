import type { StoreDefinition } from '../store.ts';
import { traitsOfService } from '../traits.ts';
import { postgresService } from './service.ts';

/** Postgres backend: a row per session, under the SHA-256 of its token. */
export const postgres: StoreDefinition = {
  name: 'postgres',
  summary: 'a row per session in Postgres, found by the hash of its token',
  options: {
    write: { meaning: 'update: compare-and-swap, or last write wins', values: ['cas', 'lww'] },
    reads: {
      meaning: 'reads pipelined on one connection, or on the pool like the writes',
      values: ['pipelined', 'pool'],
    },
    touch: {
      meaning: 'touch as durable as other writes, or on a pipelined connection with synchronous_commit=off',
      values: ['same', 'async'],
    },
  },
  service: () => postgresService,
  connections: (_options, poolSize) => poolSize,
  offers: () => ['users', 'failedLogins', 'sweep'],
  // It survives a crash of Postgres at 'second', except for about the last half second: what is not yet written is lost
  // with the process.
  declaredTraits: traitsOfService,
  // Only servers of this backend load the driver.
  open: async (context) => (await import('./store.ts')).openPostgresStore(context),
};
