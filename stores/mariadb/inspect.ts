import { randomBytes } from 'node:crypto';
import { type Inspection, refusal, UNPROVEN } from '../service.ts';
import { hasErrno } from './connections.ts';
import { isOff, readSettings, type Settings } from './durability.ts';
import type { Link } from './links.ts';

/** What a MariaDB or a MySQL, or what speaks their protocol, says of itself. */

/** Older ones have no `skip locked`, or are out of support; MySQL has `create procedure if not exists` since then. */
const LEAST_MARIADB = '10.6';
const LEAST_MYSQL = '8.0.29';
/** The session data of 64 KiB and what stands beside it, at least. */
const LEAST_PACKET_BYTES = 1_048_576;

/** What speaks the protocol and is something else. Its rows would be called MariaDB. */
const OTHERS =
  /TiDB|Vitess|PlanetScale|SingleStore|MemSQL|OceanBase|StarRocks|Doris|ClickHouse|Dolt|CockroachDB|ProxySQL|MaxScale|Readyset|Databend|GreptimeDB/i;

/** A right that is missing: to a database, a table, a statement, a procedure; and to create one with a binary log. */
const DENIED = [1044, 1142, 1227, 1370, 1419];

/** @throws ServiceError when it cannot serve a run. */
export async function inspectMariadb(link: Link): Promise<Inspection> {
  const { rows } = await link.query('select version(), @@version_comment');
  const [full = '', comment = ''] = (rows[0] ?? []).map(String);
  const other = OTHERS.exec(`${full} ${comment}`)?.[0];
  if (other !== undefined) {
    const remedy =
      'It speaks the protocol, but is another database or a proxy: name MariaDB or MySQL itself.';
    throw refusal('to be MariaDB or MySQL', other, remedy);
  }
  const number = /^\d+(\.\d+)+/.exec(full)?.[0] ?? '';
  const isMariadb = /MariaDB/i.test(`${full} ${comment}`);
  checkVersion(number, isMariadb);
  const { version: _, ...settings } = await readSettings(link);
  checkSettings(settings);
  await checkRights(link);
  const notes = [
    ...(isMariadb ? [] : [UNPROVEN]),
    ...(isOff(settings['wsrep_on']) ? [] : ['a Galera cluster: each commit is certified by its other nodes']),
  ];
  return { version: isMariadb ? number : `${mysqlName(comment)} ${number}`, settings, notes };
}

const mysqlName = (comment: string) => /^Percona Server/i.exec(comment)?.[0] ?? 'MySQL';

function checkVersion(version: string, isMariadb: boolean): void {
  const least = isMariadb ? LEAST_MARIADB : LEAST_MYSQL;
  if (version === '' || isAtLeast(version, least)) return;
  const remedy = 'Upgrade it, or leave the URL out to have one started.';
  throw refusal(`to be version ${least} or newer`, version, remedy);
}

function isAtLeast(version: string, least: string): boolean {
  const [have, want] = [version, least].map((text) => text.split('.').map(Number)) as [number[], number[]];
  for (const [at, part] of want.entries()) {
    const own = have[at] ?? 0;
    if (own !== part) return own > part;
  }
  return true;
}

function checkSettings(settings: Settings): void {
  const readOnly = ['read_only', 'super_read_only', 'innodb_read_only'].find(
    (name) => !isOff(settings[name]),
  );
  if (readOnly !== undefined) {
    const remedy = 'Name its primary, or set it to OFF there.';
    throw refusal(
      'to accept writes',
      `${readOnly} ${settings[readOnly]}: a replica, or closed to writes`,
      remedy,
    );
  }
  if (!isOff(settings['log_bin']) && settings['binlog_format'] === 'STATEMENT') {
    const remedy = 'Set binlog_format to ROW or MIXED there.';
    throw refusal('to log READ COMMITTED transactions', 'binlog_format STATEMENT, which cannot', remedy);
  }
  const packet = Number(settings['max_allowed_packet'] ?? LEAST_PACKET_BYTES);
  if (packet < LEAST_PACKET_BYTES) {
    const remedy = 'Raise max_allowed_packet there.';
    throw refusal(`to take packets of ${LEAST_PACKET_BYTES} bytes`, `max_allowed_packet ${packet}`, remedy);
  }
}

/** Tries what a store does first: rights come from grants, roles and defaults, and only this shows their sum. */
async function checkRights(link: Link): Promise<void> {
  const name = `\`sb_probe_${randomBytes(6).toString('hex')}\``;
  const has = { table: false, procedure: false };
  try {
    await link.query(`create table ${name} (one int primary key) engine = InnoDB`);
    has.table = true;
    await link.query(`insert into ${name} values (1)`);
    await link.query(`create procedure ${name}() sql security invoker begin delete from ${name}; end`);
    has.procedure = true;
    await link.query(`call ${name}()`);
  } catch (error) {
    if (!hasErrno(error, ...DENIED)) throw error;
    const got =
      'sqlMessage' in (error as object) ? String((error as { sqlMessage: unknown }).sqlMessage) : '';
    const remedy = 'Grant it: GRANT ALL ON DATABASE.* TO USER; or name a database of your own.';
    throw refusal('to let this user create and use tables and procedures', got, remedy, error);
  } finally {
    if (has.procedure) await link.query(`drop procedure ${name}`);
    if (has.table) await link.query(`drop table ${name}`);
  }
}
