import type pg from 'pg';
import { type Inspection, refusal } from '../service.ts';
import { rehearse } from './rehearsal.ts';

/** What a Postgres, or what speaks its protocol, says of itself. */

const REPORTED_SETTINGS = [
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

/** Older ones have long been out of support. */
const LEAST_VERSION = 14;
/** Programs that speak the protocol and are something else. Their rows would be called Postgres. */
const OTHERS =
  /CockroachDB|YugabyteDB|-YB-|Redshift|Materialize|CrateDB|QuestDB|RisingWave|Greenplum|H2 |DuckDB/i;

/** A setting of no meaning, which connections of the harness bring along. */
export const OWN_SETTING = 'session_bench.connection';

export const NO_POOLER = 'Name Postgres itself: a pooler such as PgBouncer changes what is measured.';

interface Standing {
  is_replica: boolean;
  read_only: string;
  may_create: boolean;
  database: string;
  own_setting: string | null;
}

/** @throws ServiceError when it cannot serve a run. */
export async function inspectPostgres(client: pg.Client): Promise<Inspection> {
  const { rows: named } = await client.query<{ version: string }>('select version()');
  const version = named[0]?.version ?? '';
  const other = OTHERS.exec(version)?.[0];
  if (other !== undefined) {
    throw refusal(
      'to be Postgres',
      other.trim(),
      'It speaks the protocol, but is another database: name Postgres.',
    );
  }
  const { rows } = await client.query<Standing>(
    `select pg_is_in_recovery() as is_replica, current_setting('default_transaction_read_only') as read_only,
       has_database_privilege(current_database(), 'CREATE') as may_create, current_database() as database,
       current_setting('${OWN_SETTING}', true) as own_setting`,
  );
  const standing = rows[0];
  if (standing !== undefined) checkStanding(standing);
  const settings = await readSettings(client);
  const number = settings['server_version']?.split(' ')[0] ?? '';
  checkVersion(number);
  await rehearse(client);
  return { version: number, settings, notes: [] };
}

function checkStanding({ is_replica, read_only, may_create, database, own_setting }: Standing): void {
  if (is_replica) {
    throw refusal('to be a primary', 'a replica, which accepts no writes', 'Name its primary.');
  }
  if (read_only === 'on') {
    const remedy =
      'Set default_transaction_read_only to off for this user and database, or name another one.';
    throw refusal('to accept writes', 'default_transaction_read_only on', remedy);
  }
  if (!may_create) {
    const remedy = `Grant it: GRANT CREATE ON DATABASE ... TO ...; or name a database of your own.`;
    throw refusal('to let this user create schemas', `no such right in the database ${database}`, remedy);
  }
  if (own_setting !== 'on') {
    throw refusal('to take settings with a connection', 'a pooler that drops them', NO_POOLER);
  }
}

function checkVersion(version: string): void {
  if (Number.parseInt(version, 10) >= LEAST_VERSION || version === '') return;
  const remedy = 'Upgrade it, or leave the URL out to have one started.';
  throw refusal(`to be version ${LEAST_VERSION} or newer`, version, remedy);
}

/**
 * The relevant settings, as `show` prints them; those that this version lacks, or hides from this user, are missing.
 */
async function readSettings(client: pg.Client): Promise<Record<string, string>> {
  const { rows } = await client.query<{ name: string; value: string | null }>(
    'select name, current_setting(name, true) as value from pg_settings where name = any($1)',
    [REPORTED_SETTINGS],
  );
  return Object.fromEntries(rows.flatMap(({ name, value }) => (value === null ? [] : [[name, value]])));
}
