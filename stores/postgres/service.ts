import type { ServiceDefinition } from '../service.ts';
import { POSTGRES_URL } from './url.ts';

/** Postgres. Its server and its client are loaded on demand. */
export const postgresService: ServiceDefinition = {
  name: 'postgres',
  title: 'Postgres',
  url: {
    variable: 'DATABASE_URL',
    driverVariables: ['PGUSER', 'PGPASSWORD', 'PGPASSFILE', 'PGDATABASE', 'PGSSLMODE'],
    ...POSTGRES_URL,
  },
  image: 'postgres:15',
  processors: Number.POSITIVE_INFINITY,
  durabilitySettings: ['synchronous_commit', 'fsync'],
  server: async () => (await import('./server.ts')).postgresServer,
  client: async () => (await import('./client.ts')).postgresClient,
};
