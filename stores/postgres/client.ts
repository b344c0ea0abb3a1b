/** Short connections of the harness to Postgres; none is open during a measurement. */

import pg from 'pg';
import {
  type Durability,
  PROBE_TIMEOUT_MS,
  refusal,
  SETTLE_TIMEOUT_MS,
  type ServiceClient,
  ServiceError,
} from '../service.ts';
import { inspectPostgres, NO_POOLER, OWN_SETTING } from './inspect.ts';
import { checkLimits } from './rehearsal.ts';
import { connectionOf } from './url.ts';

/** invalid_authorization_specification, invalid_password, insufficient_privilege. */
const REFUSALS = ['28000', '28P01', '42501'];

/**
 * Connects, calls `talk`, disconnects.
 * @throws ServiceError `unreachable` when nothing replies, `refused` for a wrong user, password or database; whatever
 * `talk` throws.
 */
export async function withPostgres<T>(url: string, talk: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    ...connectionOf(url),
    connectionTimeoutMillis: PROBE_TIMEOUT_MS,
    query_timeout: SETTLE_TIMEOUT_MS,
    // Both as the servers send them: a pooler refuses them, or drops them and passes for Postgres. The second setting
    // is one that only this connection can have.
    options: `-c jit=off -c ${OWN_SETTING}=on`,
    statement_timeout: SETTLE_TIMEOUT_MS,
    application_name: 'session-bench',
  });
  // Postgres may close the connection between queries; the next query then reports it.
  let lost: Error | undefined;
  client.on('error', (error) => {
    lost ??= error;
  });
  try {
    await client.connect();
  } catch (error) {
    throw connectError(lost ?? error);
  }
  try {
    return await talk(client);
  } finally {
    await client.end();
  }
}

function connectError(cause: unknown): ServiceError {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (hasCode(cause, '3D000')) {
    const remedy =
      'Create it (createdb), or name another one at the end of the URL: postgres://HOST:PORT/DATABASE.';
    return refusal('to have the database', message, remedy, cause);
  }
  if (/unsupported startup parameter|no such database: |server login failed|pooler/i.test(message)) {
    return refusal('to be Postgres, not a pooler', message, NO_POOLER, cause);
  }
  // Without a password in the URL, pg fails before the server reports 28P01.
  const isRefusal =
    REFUSALS.some((code) => hasCode(cause, code)) || /password must be a string/.test(message);
  return new ServiceError(isRefusal ? 'refused' : 'unreachable', message, { cause });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

export const postgresClient: ServiceClient = {
  async inspect(url, connections) {
    return withPostgres(url, async (client) => {
      const inspection = await inspectPostgres(client);
      if (connections !== undefined) {
        checkRoom(inspection.settings, connections);
        await checkLimits(client, connections);
      }
      return inspection;
    });
  },
  durabilityMatches: postgresDurabilityMatches,
  settle: (url) => withPostgres(url, settle),
  dataBytes: (url) => withPostgres(url, readDatabaseBytes),
  dump: (url) => withPostgres(url, dump),
  purge: (url, namespace) => withPostgres(url, (client) => purge(client, namespace)),
  inspectProcess: (url, look) =>
    withPostgres(url, async (client) => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      const pid = rows[0]?.pid;
      return pid === undefined ? undefined : look({ pid, program: 'postgres', isChild: true });
    }),
};

function checkRoom(settings: Readonly<Record<string, string>>, connections: number): void {
  const { max_connections: total, superuser_reserved_connections: reserved } = settings;
  const room = Number(total) - Number(reserved ?? 0);
  if (room >= connections) return;
  throw refusal(
    `to take ${connections} connections`,
    `room for ${room} (max_connections ${total}, of them ${reserved} reserved)`,
    'Raise max_connections there, or run with smaller pools or fewer servers.',
  );
}

/**
 * Whether the settings provide that durability; `undefined` when they are unknown. `none` only needs asynchronous
 * commits.
 */
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

/** Size of the database's files, in bytes. */
async function readDatabaseBytes(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(
    'select pg_database_size(current_database()) as bytes',
  );
  return Number(rows[0]?.bytes);
}

/**
 * Vacuums and analyses the benchmark's tables (this user's, in schemas named after a namespace), then runs a
 * checkpoint, so that both happen before the window and not in it. Returns what it lacks permission for.
 */
async function settle(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', nspname, relname) as name from pg_class join pg_namespace n on n.oid = relnamespace
     where relkind = 'r' and relowner = (select oid from pg_roles where rolname = current_user) and nspname ~ '^[a-z]+_sb_'`,
  );
  for (const { name } of rows) await client.query(`vacuum (analyze) ${name}`);
  try {
    await client.query('checkpoint');
    return [];
  } catch (error) {
    if (hasCode(error, '42501')) return ['checkpoint: not permitted to this user'];
    throw error;
  }
}

/** All rows of all tables; binary values as hexadecimal digits. */
async function dump(client: pg.Client): Promise<string> {
  const tables = await client.query<{ schema: string; name: string }>(
    "select schemaname as schema, tablename as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')",
  );
  const lines: string[] = [];
  for (const { schema, name } of tables.rows) {
    const table = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
    const { rows } = await client.query<{ row: string }>(`select one::text as row from ${table} as one`);
    lines.push(...rows.map(({ row }) => `${schema}.${name}\t${row}`));
  }
  return lines.join('\n');
}

/** Drops the schemas of the namespace. */
async function purge(client: pg.Client, namespace: string): Promise<void> {
  const found = await client.query<{ name: string }>(
    "select nspname as name from pg_namespace where nspname ~ ('^[a-z]+_' || $1 || '_(un)?logged$')",
    [namespace],
  );
  for (const { name } of found.rows) await client.query(`drop schema ${pg.escapeIdentifier(name)} cascade`);
}
