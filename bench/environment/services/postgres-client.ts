/** Short conversations of the harness with Postgres: no connection of ours is open during a measurement. */

import pg from 'pg';
import { BenchError, messageOf } from '../../errors.ts';
import { hasCode } from '../process-identity.ts';
import { PROBE_TIMEOUT_MS, refusedError, SETTLE_TIMEOUT_MS, unreachableError } from './service.ts';

/** invalid_authorization_specification, invalid_password, invalid_catalog_name, insufficient_privilege. */
const REFUSALS = ['28000', '28P01', '3D000', '42501'];

/**
 * Connects, talks, disconnects.
 * @throws BenchError SERVICE_UNREACHABLE when nobody answers, SERVICE_REFUSED when Postgres wants another
 * user, password or database; what `talk` throws.
 */
export async function withPostgres<T>(url: string, talk: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: PROBE_TIMEOUT_MS,
    query_timeout: SETTLE_TIMEOUT_MS,
    application_name: 'session-bench',
  });
  // Postgres may end while nothing is asked of it; the next query then tells.
  let lost: Error | undefined;
  client.on('error', (error) => {
    lost ??= error;
  });
  try {
    await client.connect();
  } catch (error) {
    throw connectError(url, lost ?? error);
  }
  try {
    return await talk(client);
  } finally {
    await client.end();
  }
}

function connectError(url: string, cause: unknown): BenchError {
  // Without a password in the URL, pg gives up before the server says 28P01.
  const isRefusal =
    REFUSALS.some((code) => hasCode(cause, code)) || /password must be a string/.test(messageOf(cause));
  const got = messageOf(cause);
  return isRefusal
    ? refusedError('postgres', url, got, cause)
    : unreachableError('postgres', url, got, cause);
}

/** Whether our own server takes queries: false while it starts, or while a foreign one, which refuses us, has its port. */
export async function answersQueries(url: string): Promise<boolean> {
  try {
    await withPostgres(url, (client) => client.query('select 1'));
    return true;
  } catch (error) {
    if (error instanceof BenchError) return false;
    throw error;
  }
}

const TOLD_SETTINGS = [
  'server_version',
  'synchronous_commit',
  'fsync',
  'full_page_writes',
  'shared_buffers',
  'wal_level',
  'max_connections',
  'superuser_reserved_connections',
  'autovacuum',
  'checkpoint_timeout',
  'max_wal_size',
  'jit',
  'data_checksums',
  'io_method',
];

/** The settings that matter, as `show` would print them; one that this version does not have, or hides from us, is missing. */
export async function readPostgresSettings(client: pg.Client): Promise<Record<string, string>> {
  const { rows } = await client.query<{ name: string; value: string | null }>(
    'select name, current_setting(name, true) as value from pg_settings where name = any($1)',
    [TOLD_SETTINGS],
  );
  return Object.fromEntries(rows.flatMap(({ name, value }) => (value === null ? [] : [[name, value]])));
}

/** Size of the database's files, in bytes. */
export async function readDatabaseBytes(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(
    'select pg_database_size(current_database()) as bytes',
  );
  return Number(rows[0]?.bytes);
}

/**
 * Vacuums and analyses our tables (this user's, in schemas named after a namespace of ours), then makes a checkpoint, so that both are done before the
 * window rather than in it. Answers what it was not allowed to do.
 */
export async function settlePostgres(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', nspname, relname) as name from pg_class join pg_namespace n on n.oid = relnamespace
     where relkind = 'r' and relowner = current_user::regrole and nspname ~ '^[a-z]+_sb_'`,
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
