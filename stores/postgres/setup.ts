import { checkedNamespace } from '../rows.ts';

/**
 * The quoted name of an arm's schema. Logged and unlogged arms never share one: a table keeps the kind that it was
 * created with.
 *
 * @throws {TypeError} for a namespace other than 1 to 40 letters, digits and `_`.
 */
export function schemaName(prefix: string, namespace: string, unlogged: boolean): string {
  return `"${prefix}_${checkedNamespace(namespace)}_${unlogged ? 'unlogged' : 'logged'}"`;
}

/**
 * SQL that takes the setup's lock: concurrent `create … if not exists` can still collide in the catalog. It is one
 * transaction.
 */
export function setupScript(schema: string, statements: string): string {
  return `
begin;
select pg_advisory_xact_lock(hashtextextended('${schema}', 0));
create schema if not exists ${schema};
${statements}
commit;`;
}

/**
 * Storage of tables that churn: space on each page for HOT updates, and early vacuum (at 5 % dead rows, not 20 %), for
 * logins and logouts leave dead rows that only vacuum removes.
 */
export const CHURNING = `fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000,
  autovacuum_analyze_scale_factor = 0.05, autovacuum_analyze_threshold = 1000`;

/** Heap blocks of one background turn, and the most rows that it removes: some 10 ms of Postgres. */
const TURN_BLOCKS = 2_048;
const TURN_ROWS = 10_000;

/**
 * The position of each table's sweep, and the time of its last turn. Always logged: a crash must not end the sweeping.
 */
export function sweeperTable(schema: string): string {
  return `
create table if not exists ${schema}.sweepers (
  table_name text primary key, next_block bigint not null default 0, turn_at timestamptz not null default '-infinity'
);`;
}

/**
 * `sweep_TABLE(p_idle_since, p_now, p_every_ms)`: one turn of a table's background sweep, for whichever server calls
 * first. It walks the heap a slice at a time: an index on a moving expiry would prevent HOT updates, and a full scan
 * would grow with the table.
 */
export function sweepTurn(schema: string, table: string, key: string, expired: string): string {
  return `
insert into ${schema}.sweepers (table_name) values ('${table}') on conflict do nothing;
create or replace function ${schema}.sweep_${table}(p_idle_since bigint, p_now bigint, p_every_ms integer)
returns bigint language plpgsql volatile as $$
declare
  from_block bigint;
  removed bigint;
  blocks bigint := pg_relation_size('${schema}.${table}') / current_setting('block_size')::bigint;
begin
  select next_block into from_block from ${schema}.sweepers
    where table_name = '${table}' and turn_at <= clock_timestamp() - p_every_ms * interval '1 ms'
    for update skip locked;
  if not found then
    return 0;
  end if;
  delete from ${schema}.${table} where ${key} = any (array(
    select ${key} from ${schema}.${table}
    where ctid >= format('(%s,0)', from_block)::tid and ctid < format('(%s,0)', from_block + ${TURN_BLOCKS})::tid
      and ${expired}
    limit ${TURN_ROWS} for update skip locked));
  get diagnostics removed = row_count;
  update ${schema}.sweepers set turn_at = clock_timestamp(), next_block = case
    when removed = ${TURN_ROWS} then from_block
    when from_block + ${TURN_BLOCKS} >= blocks then 0
    else from_block + ${TURN_BLOCKS} end
    where table_name = '${table}';
  return removed;
end $$;`;
}

/** Most rows that are counted exactly; a full count of a million would exceed the time limits. */
const COUNTED_ROWS = 10_000;

/** Selects the row count of a table: exact up to 10,000, beyond that the estimate of Postgres (a second old). */
export function countRows(table: string): string {
  return `select case when counted <= ${COUNTED_ROWS} then counted
                 else greatest(counted, pg_stat_get_live_tuples('${table}'::regclass)) end
          from (select count(*) as counted from (select from ${table} limit ${COUNTED_ROWS + 1}) as first_rows) as counts`;
}

/** The lock of p_user. After taking it, the next statement sees what the previous holder has committed. */
export function userLock(schema: string): string {
  return `hashtextextended('${schema}.' || p_user, 0)`;
}
