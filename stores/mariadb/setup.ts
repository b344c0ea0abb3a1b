import { hash } from 'node:crypto';
import { checkedNamespace } from '../rows.ts';
import { USER_BYTES } from './rows.ts';

/**
 * What the names of an arm's tables and procedures begin with. Arms that keep their sessions through a crash and arms
 * that lose them never share a table.
 *
 * @throws {TypeError} for a namespace other than 1 to 40 letters, digits and `_`.
 */
export function prefixOf(namespace: string, isLost: boolean): string {
  return `${checkedNamespace(namespace)}_${isLost ? 'lost' : 'kept'}_`;
}

/** Matches the names of all that {@link prefixOf} begins, in SQL; `like` would take `_` for any character. */
export const OWN_NAMES = "regexp '^([a-z]+_)?sb_.*_(kept|lost)_[a-z_]+'";
export const NAMES_OF = "regexp concat('^', ?, '_(kept|lost)_')";

export interface Procedure {
  name: string;
  create: string;
}

/**
 * A procedure whose name ends with the hash of its text: `create or replace` is MariaDB's alone, and between a `drop`
 * and a `create` calls of other servers would fail.
 */
export function procedure(prefix: string, name: string, parameters: string, body: string): Procedure {
  const full = `\`${prefix}${name}_${hash('sha256', parameters + body, 'hex').slice(0, 8)}\``;
  // Rights are those of the caller, whichever server came first.
  return {
    name: full,
    create: `create procedure if not exists ${full}(${parameters}) modifies sql data sql security invoker ${body}`,
  };
}

/** All that is created, one server at a time. */
export function setupScript(prefix: string, statements: readonly string[]): string[] {
  const lock = `'${hash('sha256', prefix, 'hex').slice(0, 32)}'`;
  return [`do get_lock(${lock}, 9)`, ...statements, `do release_lock(${lock})`];
}

/** Utf8mb4 by its bytes, wherever text is compared: other collations take `a`, `A` and `a ` for the same. */
const TABLE_OPTIONS =
  'engine = InnoDB row_format = dynamic default character set utf8mb4 collate utf8mb4_bin stats_persistent = 1';

export function table(prefix: string, name: string, columns: string, options = TABLE_OPTIONS): string {
  return `create table if not exists \`${prefix}${name}\` (${columns}) ${options}`;
}

/** Type of a column or parameter with the name of a user, compared byte by byte. */
export const USER_TYPE = `varbinary(${USER_BYTES})`;

/** Rows that users share as their locks. Two users on one row only wait for each other. */
const LOCK_ROWS = 1_024;

/**
 * Locks of users, without a row for each: no login writes or leaves one. A procedure takes one of them, before anything
 * else, so that no two can wait for each other.
 */
export function userLocks(prefix: string): string[] {
  const rows = Array.from({ length: LOCK_ROWS }, (_, at) => `(${at})`).join();
  return [
    table(prefix, 'locks', 'slot smallint unsigned primary key'),
    `insert ignore into \`${prefix}locks\` values ${rows}`,
  ];
}

/** Condition of the row of locks that is a user's. @param user in SQL. */
export const isLockOf = (user: string) => `slot = crc32(${user}) % ${LOCK_ROWS}`;

/** Statement of a procedure that takes the lock of p_user, into v_slot. After it, each statement sees what the previous holder has committed. */
export function takeUserLock(prefix: string, isShared: boolean): string {
  const how = isShared ? 'lock in share mode' : 'for update';
  return `select slot into v_slot from \`${prefix}locks\` where ${isLockOf('p_user')} ${how};`;
}

/** Ends the transaction of a procedure before its error is reported. */
export const ROLL_BACK = 'declare exit handler for sqlexception begin rollback; resignal; end;';

/** Rows of one background turn: some 10 ms of MariaDB. */
const TURN_ROWS = 2_048;

/** The position of each table's sweep, and the time of its last turn. */
export function sweeperTable(prefix: string): string {
  const columns = `table_name varchar(32) primary key, next_key varbinary(64) not null default '',
    turn_at datetime(3) not null default '2000-01-01'`;
  return table(prefix, 'sweepers', columns);
}

/** The row of this table among the sweepers. */
export function sweeperRow(prefix: string, name: string): string {
  return `insert ignore into \`${prefix}sweepers\` (table_name) values ('${name}')`;
}

/**
 * `(p_idle_since, p_now, p_every_ms)`: one turn of a table's background sweep, for whichever server calls first. It walks the
 * primary key a slice at a time: an index on an expiry that moves would cost every touch.
 * @param key the primary key. @param expired condition of rows that are removed, in terms of the parameters.
 */
export function sweepTurn(prefix: string, name: string, key: string, expired: string): Procedure {
  const [rows, sweepers] = [`\`${prefix}${name}\``, `\`${prefix}sweepers\``];
  return procedure(
    prefix,
    'turn',
    'p_idle_since bigint, p_now bigint, p_every_ms bigint',
    `begin
  declare v_from varbinary(64);
  declare v_to varbinary(64);
  ${ROLL_BACK}
  start transaction;
  select next_key into v_from from ${sweepers}
    where table_name = '${name}' and turn_at <= utc_timestamp(3) - interval p_every_ms * 1000 microsecond
    for update skip locked;
  if v_from is not null then
    select max(slice.k) into v_to from (
      select ${key} as k from ${rows} where ${key} > v_from order by ${key} limit ${TURN_ROWS}) as slice;
    if v_to is not null then
      delete from ${rows} where ${key} > v_from and ${key} <= v_to and ${expired};
    end if;
    update ${sweepers} set turn_at = utc_timestamp(3), next_key = coalesce(v_to, '') where table_name = '${name}';
  end if;
  commit;
end`,
  );
}

/** Most rows that are counted exactly; a full count of a million would exceed the time limits. */
const COUNTED_ROWS = 10_000;

/** Selects the row count of a table: exact up to 10,000, beyond that the estimate of InnoDB. */
export function countRows(prefix: string, name: string): string {
  return `select case when counted <= ${COUNTED_ROWS} then counted else greatest(counted, (
            select table_rows from information_schema.tables
            where table_schema = database() and table_name = '${prefix}${name}')) end
          from (select count(*) as counted from (
            select 1 from \`${prefix}${name}\` limit ${COUNTED_ROWS + 1}) as first_rows) as counts`;
}
