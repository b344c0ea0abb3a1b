/** Postgres on every tier, with the same settings on each. */

import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { BenchError, messageOf, redactUrl } from '../../errors.ts';
import { withFreePort } from '../port.ts';
import { exitText, type StartedProcess, startProcess } from '../process.ts';
import { commandOf, parentOf } from '../process-identity.ts';
import { openTogether } from '../resources.ts';
import { isOpenToAll, type PostgresBinaries, withinReach } from './postgres-binaries.ts';
import {
  answersQueries,
  readDatabaseBytes,
  readPostgresSettings,
  settlePostgres,
  withPostgres,
} from './postgres-client.ts';
import {
  breakable,
  type DescribedService,
  type Durability,
  diedError,
  isLoopbackUrl,
  LOOPBACK,
  type ServiceRequest,
  START_TIMEOUT_MS,
  type StartedService,
} from './service.ts';

/** Superuser and database of our own servers. */
export const POSTGRES_USER = 'bench';
export const POSTGRES_DATABASE = 'postgres';

/** For settle(), for autovacuum's and a person's looks: connections beyond those of the clients. */
const SPARE_CONNECTIONS = 10;

/** `nobody`: Postgres refuses to run as root. */
const UNPRIVILEGED_ID = 65_534;

/** On every tier. Checksums are the default from version 18 on and that of managed services, so they are on in 15 too. */
export const INITDB_ARGUMENTS = ['--encoding=UTF8', '--locale=C', '--data-checksums', '--no-sync'];

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

/** Starts programs of this machine or of the npm package. @throws BenchError SERVICE_DIED when it does not become ready. */
export function startPostgresBinaries(
  found: PostgresBinaries,
  tier: 'local' | 'embedded',
  request: ServiceRequest,
): Promise<StartedService> {
  const { guard, durability, maxConnections, signal } = request;
  const password = randomBytes(18).toString('base64url');
  const own = {
    guard,
    ...owner(),
    secrets: [password],
    env: { LC_ALL: 'C' },
    ...(signal === undefined ? {} : { signal }),
  };

  return openTogether(async (resources) => {
    const directory = makeDirectory(request.directory);
    resources.add('the data of postgres', () =>
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 }),
    );
    const data = join(directory, 'data');
    const binaries = withinReach(found, directory);
    await initialise(binaries.initdb, directory, password, own);

    const launch = (port: number) =>
      startProcess({
        ...own,
        name: 'postgres',
        command: binaries.postgres,
        cpus: request.cpus,
        // Sockets would lie in a folder of the system, or under a path too long for them.
        args: [
          '-D',
          data,
          ...postgresArguments(port, maxConnections, durability),
          '-c',
          'unix_socket_directories=',
        ],
        cwd: directory,
        ready: { check: () => answersQueries(postgresUrl(password, port)) },
        timeoutMs: START_TIMEOUT_MS,
        failure: { code: 'SERVICE_DIED', remedy: `Start ${binaries.postgres} by hand to see why.` },
        // Immediate shutdown: nobody needs the data any more, and shared memory is still given back.
        stopSignal: 'SIGQUIT',
      });
    const first = await withFreePort(LOOPBACK, async (port) => ({ server: await launch(port), port }));
    const { port } = first;
    let server = first.server;
    resources.add('postgres', () => server.stop());
    return {
      ...(await describePostgres(postgresUrl(password, port), durability)),
      tier,
      networking: 'loopback-tcp',
      pids: async () => [server.pid],
      died: new Promise((resolve) => {
        server.onUnexpectedExit((exit) =>
          resolve(diedError('postgres', exitText(exit), server.outputTail())),
        );
      }),
      breakable: breakable(
        () => server,
        async () => {
          server = await againWhileOthersLeave(() => launch(port));
        },
      ),
      stop: () => resources.close(),
    };
  });
}

/**
 * Takes a Postgres that somebody else runs, and changes nothing of it.
 * @throws BenchError SERVICE_UNREACHABLE; SERVICE_REFUSED, also when it takes fewer connections than we need.
 */
export async function usePostgres(
  url: string,
  durability: Durability,
  maxConnections: number,
): Promise<StartedService> {
  const described = await describePostgres(url, durability);
  const { max_connections: total, superuser_reserved_connections: reserved } = described.settings;
  const room = Number(total) - Number(reserved ?? 0);
  if (room < maxConnections) {
    throw new BenchError({
      code: 'SERVICE_REFUSED',
      expected: `postgres at ${described.redactedUrl} to take ${maxConnections} connections`,
      got: `room for ${room} (max_connections ${total}, of them ${reserved} reserved)`,
      remedy: 'Raise max_connections there, or run with smaller pools or fewer servers.',
    });
  }
  return {
    ...described,
    tier: 'url',
    networking: 'url',
    pids: () => pidsBehind(url),
    died: new Promise(() => undefined),
    stop: async () => undefined,
  };
}

/** URL of one of our own servers. */
export function postgresUrl(password: string, port: number): string {
  return `postgres://${POSTGRES_USER}:${password}@${LOOPBACK}:${port}/${POSTGRES_DATABASE}`;
}

/** What the running Postgres says of itself. */
export async function describePostgres(url: string, durability: Durability): Promise<DescribedService> {
  const settings = await withPostgres(url, readPostgresSettings);
  return {
    name: 'postgres',
    url,
    redactedUrl: redactUrl(url),
    version: settings['server_version']?.split(' ')[0] ?? '',
    settings,
    durabilityMatches: postgresDurabilityMatches(settings, durability),
    settle: () => withPostgres(url, settlePostgres),
    dataBytes: () => withPostgres(url, readDatabaseBytes),
  };
}

/** Whether the settings give that durability; `undefined` when they are not told. `none` needs only that a commit waits for nothing. */
export function postgresDurabilityMatches(
  settings: Readonly<Record<string, string>>,
  durability: Durability,
): boolean | undefined {
  const { synchronous_commit, fsync, full_page_writes } = settings;
  if (synchronous_commit === undefined) return undefined;
  if (durability === 'none') return synchronous_commit === 'off';
  if (fsync !== 'on' || full_page_writes !== 'on') return false;
  return durability === 'second'
    ? synchronous_commit === 'off'
    : synchronous_commit === 'on' || synchronous_commit === 'local';
}

const RESTART_WITHIN_MS = 15_000;
const RESTART_POLL_MS = 100;

/** After a crash Postgres refuses to start while a back end of its former life still holds the shared memory. */
async function againWhileOthersLeave(launch: () => Promise<StartedProcess>): Promise<StartedProcess> {
  const deadlineMs = performance.now() + RESTART_WITHIN_MS;
  for (;;) {
    try {
      return await launch();
    } catch (error) {
      const isHeld = /pre-existing shared memory|lock file "postmaster\.pid"/.test(messageOf(error));
      if (!isHeld || performance.now() > deadlineMs) throw error;
    }
    await setTimeout(RESTART_POLL_MS);
  }
}

function owner(): { uid?: number; gid?: number } {
  return process.getuid?.() === 0 ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : {};
}

function makeDirectory(parent: string): string {
  const directory = mkdtempSync(join(parent, 'postgres-'));
  const { uid, gid } = owner();
  if (uid === undefined || gid === undefined) return directory;
  chownSync(directory, uid, gid);
  // To pass through, not to look inside.
  chmodSync(parent, 0o711);
  if (isOpenToAll(parent)) return directory;
  throw new BenchError({
    code: 'SERVICE_DIED',
    expected: `a directory that user ${uid} can pass through, for root runs Postgres as that user`,
    got: parent,
    remedy: 'Set TMPDIR to one that is open to all, such as /tmp.',
  });
}

type Own = Pick<Parameters<typeof startProcess>[0], 'guard' | 'uid' | 'gid' | 'secrets' | 'env' | 'signal'>;

async function initialise(initdb: string, directory: string, password: string, own: Own): Promise<void> {
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (own.uid !== undefined && own.gid !== undefined) chownSync(passwordFile, own.uid, own.gid);
  const process = await startProcess({
    ...own,
    name: 'initdb',
    command: initdb,
    args: [
      ...['-D', join(directory, 'data'), '-U', POSTGRES_USER, `--pwfile=${passwordFile}`],
      ...['--auth=scram-sha-256', ...INITDB_ARGUMENTS],
    ],
    cwd: directory,
    ready: 'spawned',
    timeoutMs: START_TIMEOUT_MS,
    failure: { code: 'SERVICE_DIED', remedy: `Start ${initdb} by hand to see why.` },
  });
  const { code, signal } = await process.exited;
  rmSync(passwordFile);
  if (code === 0) return;
  throw new BenchError({
    code: 'SERVICE_DIED',
    expected: 'initdb to make a database cluster',
    got: `${exitText({ code, signal })}, with the output "${process.outputTail().slice(-1_000)}"`,
    remedy: `Start ${initdb} by hand to see why.`,
  });
}

/** Its postmaster if it runs on this machine outside of any container: parent of the process that serves us. */
async function pidsBehind(url: string): Promise<number[]> {
  if (!isLoopbackUrl(url)) return [];
  return withPostgres(url, async (client) => {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const pid = rows[0]?.pid;
    if (pid === undefined || commandOf(pid) !== 'postgres') return [];
    const parent = parentOf(pid);
    return parent !== undefined && commandOf(parent) === 'postgres' ? [parent] : [];
  });
}
