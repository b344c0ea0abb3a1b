import type { ServiceDefinition } from '../service.ts';
import { MARIADB_URL } from './url.ts';

/** MariaDB, or MySQL by its URL. Its server and its client are loaded on demand. */
export const mariadbService: ServiceDefinition = {
  name: 'mariadb',
  title: 'MariaDB',
  // Neither driver reads a variable.
  url: { variable: 'MARIADB_URL', driverVariables: [], ...MARIADB_URL },
  image: 'mariadb:10.11',
  debian: { package: 'mariadb-server-core mariadb-client-core', program: 'mariadbd my_print_defaults' },
  processors: Number.POSITIVE_INFINITY,
  durabilitySettings: ['innodb_flush_log_at_trx_commit', 'innodb_doublewrite', 'log_bin', 'sync_binlog'],
  server: async () => (await import('./server.ts')).mariadbServer,
  client: async () => (await import('./client.ts')).mariadbClient,
};
