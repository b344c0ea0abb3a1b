/** Short connections of the harness to MariaDB; none is open during a measurement. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  PROBE_TIMEOUT_MS,
  refusal,
  SETTLE_TIMEOUT_MS,
  type ServiceClient,
  ServiceError,
} from '../service.ts';
import { hasErrno } from './connections.ts';
import { mariadbDurabilityMatches } from './durability.ts';
import { inspectMariadb } from './inspect.ts';
import { type Link, openLink } from './links.ts';
import { servingProcess } from './process.ts';
import { NAMES_OF, OWN_NAMES } from './setup.ts';
import { addressOf } from './url.ts';

/** Access denied, of the user or of the machine; an account that is locked or must change its password. */
const REFUSALS = [1045, 1698, 1129, 1130, 1862, 3118, 3878, 4151];
const NO_DATABASE = 1049;
const DATABASE_DENIED = 1044;
const TOO_MANY = [1040, 1203, 1226];
/** Access denied; a right that is missing. */
const NO_RIGHT = [1044, 1142, 1227, 1370];

/**
 * Connects, calls `talk`, disconnects.
 * @throws ServiceError `unreachable` when nothing replies, `refused` for a wrong user, password or database; whatever
 * `talk` throws.
 */
export async function withMariadb<T>(url: string, talk: (link: Link) => Promise<T>): Promise<T> {
  const address = addressOf(url);
  const options = { address, driver: 'mariadb', onIdleLost: () => undefined } as const;
  let link: Link;
  try {
    link = await openLink({
      ...options,
      limitMs: PROBE_TIMEOUT_MS,
      replyLimitMs: SETTLE_TIMEOUT_MS,
      begin: [],
    });
  } catch (error) {
    throw connectError(error);
  }
  try {
    // A lock on a table is waited for until then, and not a day.
    await link.query(`set session lock_wait_timeout = ${SETTLE_TIMEOUT_MS / 2_000}`);
    return await talk(link);
  } finally {
    await link.close();
  }
}

function connectError(cause: unknown): ServiceError {
  const message = messageOf(cause);
  if (hasErrno(cause, NO_DATABASE)) {
    const remedy = 'Create it (CREATE DATABASE), or name another one: mariadb://HOST:PORT/DATABASE.';
    return refusal('to have the database', message, remedy, cause);
  }
  if (hasErrno(cause, DATABASE_DENIED)) {
    const remedy = 'Grant it: GRANT ALL ON DATABASE.* TO USER; or name a database of this user.';
    return refusal('to let this user into the database', message, remedy, cause);
  }
  if (hasErrno(cause, ...TOO_MANY)) {
    const remedy = 'Raise max_connections there, or end what else is connected.';
    return refusal('to take one more connection', message, remedy, cause);
  }
  if (/public ?key|secure transport|ssl|tls|certificate/i.test(message)) {
    const remedy =
      'Add ?ssl-mode=REQUIRED to the URL, or VERIFY_CA with &ssl-ca=FILE; or correct what is there.';
    return refusal('to agree on TLS', message, remedy, cause);
  }
  return new ServiceError(hasErrno(cause, ...REFUSALS) ? 'refused' : 'unreachable', message, { cause });
}

/** What the server said, without the driver's number of the connection, which makes every message another one. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'sqlMessage' in error && typeof error.sqlMessage === 'string' ? error.sqlMessage : error.message;
}

export const mariadbClient: ServiceClient = {
  async inspect(url, connections) {
    const inspection = await withMariadb(url, inspectMariadb);
    if (connections !== undefined) checkRoom(inspection.settings, connections);
    return inspection;
  },
  durabilityMatches: mariadbDurabilityMatches,
  settle: (url) => withMariadb(url, settle),
  dataBytes: (url) => withMariadb(url, readDatabaseBytes),
  dump: (url) => withMariadb(url, dump),
  purge: (url, namespace) => withMariadb(url, (link) => purge(link, namespace)),
  inspectProcess: (url, look) =>
    withMariadb(url, async (link) => {
      const serving = servingProcess(addressOf(url).target, link.localPort);
      return serving === undefined ? undefined : look(serving);
    }),
};

function checkRoom({ max_connections: total }: Readonly<Record<string, string>>, connections: number): void {
  if (total === undefined || Number(total) >= connections) return;
  throw refusal(
    `to take ${connections} connections`,
    `room for ${total} (max_connections)`,
    'Raise max_connections there, or run with smaller pools or fewer servers.',
  );
}

const quoted = (name: unknown) => `\`${String(name).replaceAll('`', '``')}\``;

/** Names of the tables of this database. @param condition in SQL; empty for all. */
async function tablesOf(link: Link, condition: string): Promise<string[]> {
  const { rows } = await link.query(
    `select table_name from information_schema.tables
     where table_schema = database() and table_type = 'BASE TABLE' ${condition}`,
  );
  return rows.map(([name]) => String(name));
}

/**
 * Analyses the benchmark's tables, writes their pages and waits for the purge of deleted rows, so that all of it happens
 * before the window and not in it. Returns what it lacks permission for.
 */
async function settle(link: Link): Promise<string[]> {
  const tables = await tablesOf(link, `and engine = 'InnoDB' and table_name ${OWN_NAMES}`);
  const list = tables.map(quoted).join(', ');
  if (list === '') return [];
  await untilPurged(link);
  await link.query(`analyze local table ${list}`);
  try {
    // Only with `for export` the pages are written before the reply.
    await link.query(`flush local tables ${list} for export`);
    await link.query('unlock tables');
    return [];
  } catch (error) {
    if (hasErrno(error, ...NO_RIGHT)) return ['flush tables: not permitted to this user'];
    throw error;
  }
}

const PURGED_WITHIN_MS = 5_000;
const FEW_TRANSACTIONS = 100;

/** Waits for the purge, for a while; MySQL does not report it here. */
async function untilPurged(link: Link): Promise<void> {
  for (const endMs = performance.now() + PURGED_WITHIN_MS; performance.now() < endMs; await sleep(50)) {
    const { rows } = await link.query(`show global status like 'Innodb_history_list_length'`);
    if (!(Number(rows[0]?.[1]) > FEW_TRANSACTIONS)) return;
  }
}

/** Size of the database's tables and indexes, in bytes, as InnoDB counts its pages. */
async function readDatabaseBytes(link: Link): Promise<number> {
  // The counts are those of the last analysis. The tables of others keep theirs.
  const tables = await tablesOf(link, `and engine = 'InnoDB' and table_name ${OWN_NAMES}`);
  if (tables.length > 0) await link.query(`analyze local table ${tables.map(quoted).join(', ')}`);
  const { rows } = await link.query(
    `select coalesce(sum(data_length + index_length), 0) from information_schema.tables where table_schema = database()`,
  );
  return Number(rows[0]?.[0]);
}

/** All rows of all tables; binary values as the text that they are, or as hexadecimal digits. */
async function dump(link: Link): Promise<string> {
  const lines: string[] = [];
  for (const name of await tablesOf(link, '')) {
    const { rows } = await link.query(`select * from ${quoted(name)}`);
    lines.push(...rows.map((row) => [name, ...row.map(asText)].join('\t')));
  }
  return lines.join('\n');
}

/** Names of users and data are text in binary columns, for a thief too. */
function asText(value: unknown): string {
  if (!Buffer.isBuffer(value)) return String(value);
  const text = value.toString('latin1');
  return /^[\x20-\x7e]*$/.test(text) ? text : value.toString('hex');
}

/** Drops the tables and procedures of the namespace. */
async function purge(link: Link, namespace: string): Promise<void> {
  const own = NAMES_OF.replace('?', `'${namespace}'`);
  const { rows } = await link.query(
    `select routine_name from information_schema.routines
     where routine_schema = database() and routine_type = 'PROCEDURE' and routine_name ${own}`,
  );
  for (const [name] of rows) await link.query(`drop procedure if exists ${quoted(name)}`);
  for (const name of await tablesOf(link, `and table_name ${own}`))
    await link.query(`drop table if exists ${quoted(name)}`);
}
