/** mariadbd on every tier, with the same settings on each. */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { findOnPath, versionOf } from '../programs.ts';
import {
  type Durability,
  isAvailable,
  LOOPBACK,
  type ServerPlan,
  type ServerPrograms,
  type ServiceServer,
} from '../service.ts';
import { withMariadb } from './client.ts';

/** User and database of servers that the harness starts. */
const USER = 'bench';
const DATABASE = 'bench';

/** For settle() and for manual inspection, in addition to those of the clients. */
const SPARE_CONNECTIONS = 10;

const SETUP_FILE = 'setup.sql';
/** Where the data is created, to be small: the server makes a log of its own size. */
const SMALL_LOGS = ['--innodb-log-file-size=8M', '--aria-log-file-size=8M'];

const FLUSH: Readonly<Record<Durability, string>> = { none: '0', second: '2', commit: '1' };

/**
 * Settings as arguments of mariadbd, the same on every tier. Durability is when the log is passed to the system and to
 * the disk: with each commit both, with each commit the first, or both each second. There is no binary log, as there is
 * none in the other services.
 */
export function mariadbArguments(port: number, maxConnections: number, durability: Durability): string[] {
  const settings = {
    'bind-address': LOOPBACK,
    port: String(port),
    'max-connections': String(maxConnections + SPARE_CONNECTIONS),
    'innodb-flush-log-at-trx-commit': FLUSH[durability],
    // At `none` nothing is promised, so nothing is paid for it.
    'innodb-doublewrite': durability === 'none' ? 'OFF' : 'ON',
    // Holds the sessions of every experiment here; the default of 128 MB is meant for small machines.
    'innodb-buffer-pool-size': '256M',
    // Room for a measured window without a checkpoint that holds it up: settle() writes the pages before each.
    'innodb-log-file-size': '256M',
    'transaction-isolation': 'READ-COMMITTED',
    'character-set-server': 'utf8mb4',
    'collation-server': 'utf8mb4_bin',
    'max-allowed-packet': '64M',
    'performance-schema': 'OFF',
    'sync-binlog': '1',
  };
  const list = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  return [...list, '--skip-log-bin', '--skip-name-resolve'];
}

async function localMariadb(): Promise<ServerPrograms | string> {
  const [server, installer] = [findOnPath('mariadbd'), findOnPath('mariadb-install-db')];
  if (server === undefined || installer === undefined) return 'no mariadbd with mariadb-install-db';
  // Without it the installer fails: a package of its own has it.
  if (findOnPath('my_print_defaults') === undefined) return 'mariadbd without my_print_defaults';
  const version = await versionOf(server);
  if (version === undefined) return 'no working mariadbd';
  return { version, server, others: { installer } };
}

export const mariadbServer: ServiceServer = {
  refusesRoot: true,
  local: localMariadb,
  embedded: () => Promise.resolve('there is no npm package with a real MariaDB'),
  plan({ durability, maxConnections, place }) {
    const password = randomBytes(18).toString('base64url');
    // The user that the image can give every right to.
    const user = place === undefined ? 'root' : USER;
    const url = (port: number) => `mariadb://${user}:${password}@${LOOPBACK}:${port}/${DATABASE}`;
    const args = (port: number) => mariadbArguments(port, maxConnections, durability);
    const shared = {
      url,
      secrets: [password],
      isReady: (port: number) => isAvailable(() => withMariadb(url(port), (link) => link.query('select 1'))),
      // The data is not needed any more, and a shutdown would write it all.
      stopSignal: 'SIGKILL',
    } satisfies Partial<ServerPlan>;
    if (place === undefined) {
      const env = { MARIADB_ROOT_PASSWORD: password, MARIADB_DATABASE: DATABASE };
      return { ...shared, command: 'mariadbd', args, env };
    }
    const { directory, programs } = place;
    return {
      ...shared,
      command: programs.server,
      // Only as the first argument.
      args: (port) => ['--no-defaults', ...args(port), ...dataArguments(directory)],
      initialise: {
        command: programs.others?.['installer'] ?? 'mariadb-install-db',
        args: installArguments(directory, SETUP_FILE),
        files: { [SETUP_FILE]: setupSql(USER, password, DATABASE) },
      },
    };
  },
};

/** Socket and pid file have no folder: their paths would go to one of the system, or be too long for a socket. */
export function dataArguments(directory: string): string[] {
  return [...placeArguments(directory), '--socket=own.sock', '--pid-file=own.pid'];
}

/** A temporary folder of its own as well: a server that starts removes what others have in theirs. */
function placeArguments(directory: string): string[] {
  return [`--datadir=${join(directory, 'data')}`, `--tmpdir=${directory}`];
}

/** Arguments of mariadb-install-db. @param setupFile name of the file of SQL that it runs at the end. */
export function installArguments(directory: string, setupFile: string): string[] {
  return [
    ...['--no-defaults', ...placeArguments(directory), '--auth-root-authentication-method=normal'],
    ...['--skip-test-db', '--skip-name-resolve', '--rpm', `--extra-file=${join(directory, setupFile)}`],
    ...SMALL_LOGS,
  ];
}

/** Creates the only user that can log in, and its database. @param password without quotes. */
export function setupSql(user: string, password: string, database: string): string {
  return [
    'flush privileges;',
    `create database ${database};`,
    `create user ${user}@'%' identified by '${password}';`,
    `grant all privileges on *.* to ${user}@'%' with grant option;`,
    "delete from mysql.global_priv where user = 'root';",
    'flush privileges;\n',
  ].join('\n');
}
