import { statements } from '../postgres/connections.ts';
import { failedLoginsTable } from '../postgres/failed-logins.ts';
import { CHURNING, setupScript, sweeperTable, sweepTurn } from '../postgres/setup.ts';
import { denyListFunctions, tablesOf } from './deny-list-postgres-functions.ts';

export type DenyListSql = ReturnType<typeof denyListSql>;

/**
 * All SQL of the deny list in `schema` (quoted, as `schemaName` returns it).
 *
 * @param epoch proposed for a new list: letters, digits, `_` and `-`.
 */
export function denyListSql(schema: string, unlogged: boolean, epoch: string, toleranceMs: number) {
  const { denials, logins } = tablesOf(schema);
  const currentEpoch = `(select epoch from ${denials} where sid = '')`;
  /** Of a function, which compares the list's epoch with the one that it gets first. */
  const call = (text: string) => `select * from ${schema}.${text}`;
  return {
    /** Creates what is missing, and the epoch if there is none; safe to run concurrently from several servers. */
    setup: setupScript(
      schema,
      tables(schema, unlogged, epoch) +
        denyListFunctions(schema, toleranceMs) +
        sweeping(schema, toleranceMs) +
        failedLoginsTable(schema, unlogged),
    ),
    ...statements({
      epoch: `select ${currentEpoch}`,
      isDenied: `select ${currentEpoch}, exists (select from ${denials} where sid = $1)`,
      admit: call('admit($1, $2, null, null, $3, $4, $5, $6, $7, $8, $9, $10, null)'),
      rotate: call('admit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)'),
      extend: call('extend($1, $2, $3)'),
      exchange: call('exchange($1, $2, $3, $4, $5, $6, $7)'),
      deny: call('deny($1, $2, $3, $4)'),
      denyLogin: call('deny_login($1, $2, $3, $4)'),
      denyUser: call('deny_user($1, $2, $3, $4)'),
      setDisabled: call('set_disabled($1, $2, $3, $4)'),
      // Each row repeats the epoch; without logins it comes alone.
      list: `select found.epoch, sid, created_ms, absolute_expiry_ms from (select ${currentEpoch} as epoch) as found
             left join ${logins} on user_id = $1 and idle_expiry_ms > $2 and absolute_expiry_ms > $2
             order by created_ms, sid`,
      sweep: call('sweep($1, $2, $3)'),
      sweepTurn: `select ${schema}.sweep_denials(null, $1, $2), ${schema}.sweep_logins(null, $1, $2)`,
    }),
  };
}

/**
 * The epoch is a row of the denials' own table, under a sid that no login has: whatever empties the table (a crash,
 * when it is unlogged; a person) removes the epoch too. A login's idle expiry changes, so no index holds it. Logins
 * that were rotated by their refresh token form a family, named by its first sid, whose denial holds the sid of the
 * current login.
 */
function tables(schema: string, unlogged: boolean, epoch: string): string {
  const table = unlogged ? 'unlogged table' : 'table';
  const { denials, logins, disabledUsers } = tablesOf(schema);
  return `
create ${table} if not exists ${denials} (
  keep_until_ms bigint not null,
  sid text collate "C" primary key,
  epoch text,
  family text,
  successor text
);
insert into ${denials} (sid, keep_until_ms, epoch) values ('', ${2n ** 63n - 1n}, '${epoch}') on conflict do nothing;
create ${table} if not exists ${logins} (
  created_ms bigint not null,
  idle_expiry_ms bigint not null,
  absolute_expiry_ms bigint not null,
  sid text collate "C" primary key,
  user_id text not null,
  refresh_id text,
  family text
) with (${CHURNING});
create index if not exists logins_user on ${logins} (user_id);
create ${table} if not exists ${disabledUsers} (user_id text primary key);`;
}

function sweeping(schema: string, toleranceMs: number): string {
  const { denials, logins } = tablesOf(schema);
  const oldDenial = 'keep_until_ms <= p_now';
  const oldLogin = `least(idle_expiry_ms, absolute_expiry_ms) + ${toleranceMs} <= p_now`;
  const remove = (table: string, expired: string, limit: string) =>
    `delete from ${table} where sid = any (array(
    select sid from ${table} where ${expired} limit ${limit} for update skip locked))`;
  return `
create or replace function ${schema}.sweep(p_epoch text, p_now bigint, p_limit bigint)
returns bigint language plpgsql volatile as $$
declare
  removed_denials bigint;
  removed_logins bigint;
begin
  perform ${schema}.expect_epoch(p_epoch);
  ${remove(denials, oldDenial, 'p_limit')};
  get diagnostics removed_denials = row_count;
  ${remove(logins, oldLogin, 'p_limit - removed_denials')};
  get diagnostics removed_logins = row_count;
  return removed_denials + removed_logins;
end $$;
${sweeperTable(schema)}
${sweepTurn(schema, 'denials', 'sid', oldDenial)}
${sweepTurn(schema, 'logins', 'sid', oldLogin)}`;
}
