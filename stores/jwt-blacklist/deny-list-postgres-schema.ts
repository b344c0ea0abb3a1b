import type { Statement } from '../postgres/connections.ts';
import { failedLoginsTable } from '../postgres/failed-logins.ts';
import { CHURNING, countRows, setupScript, sweeperTable, sweepTurn } from '../postgres/setup.ts';
import { denyListFunctions, tablesOf } from './deny-list-postgres-functions.ts';

/** All SQL of the deny list, for one schema. Each call but `epoch` and `stats` takes the expected epoch first. */
export interface DenyListSql {
  /** Creates what is missing, and the epoch if there is none; safe to run concurrently from several servers. */
  setup: string;
  epoch: Statement;
  isDenied: Statement;
  admit: Statement;
  rotate: Statement;
  extend: Statement;
  exchange: Statement;
  deny: Statement;
  denyLogin: Statement;
  denyUser: Statement;
  setDisabled: Statement;
  list: Statement;
  sweep: Statement;
  sweepTurn: Statement;
  stats: Statement;
}

/**
 * The statements for a deny list in `schema` (quoted, as `schemaName` returns it).
 *
 * @param epoch proposed for a new list: letters, digits, `_` and `-`.
 */
export function denyListSql(
  schema: string,
  unlogged: boolean,
  epoch: string,
  toleranceMs: number,
): DenyListSql {
  const { denials, logins } = tablesOf(schema);
  const currentEpoch = `(select epoch from ${denials} where sid = '')`;
  const call = (name: string, text: string): Statement => ({ name, text: `select * from ${schema}.${text}` });
  return {
    setup: setupScript(
      schema,
      tables(schema, unlogged, epoch) +
        denyListFunctions(schema, toleranceMs) +
        sweeping(schema, toleranceMs) +
        failedLoginsTable(schema, unlogged),
    ),
    epoch: { name: 'epoch', text: `select ${currentEpoch}` },
    isDenied: {
      name: 'isDenied',
      text: `select ${currentEpoch}, exists (select from ${denials} where sid = $1)`,
    },
    admit: call('admit', 'admit($1, $2, null, null, $3, $4, $5, $6, $7, $8, $9, $10, null)'),
    rotate: call('rotate', 'admit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)'),
    extend: call('extend', 'extend($1, $2, $3)'),
    exchange: call('exchange', 'exchange($1, $2, $3, $4, $5, $6, $7)'),
    deny: call('deny', 'deny($1, $2, $3, $4)'),
    denyLogin: call('denyLogin', 'deny_login($1, $2, $3, $4)'),
    denyUser: call('denyUser', 'deny_user($1, $2, $3, $4)'),
    setDisabled: call('setDisabled', 'set_disabled($1, $2, $3, $4)'),
    // Each row repeats the epoch; without logins it comes alone.
    list: {
      name: 'list',
      text: `select found.epoch, sid, created_ms, absolute_expiry_ms from (select ${currentEpoch} as epoch) as found
             left join ${logins} on user_id = $1 and idle_expiry_ms > $2 and absolute_expiry_ms > $2
             order by created_ms, sid`,
    },
    sweep: call('sweep', 'sweep($1, $2, $3)'),
    sweepTurn: {
      name: 'sweepTurn',
      text: `select ${schema}.sweep_denials(null, $1, $2), ${schema}.sweep_logins(null, $1, $2)`,
    },
    stats: { name: 'stats', text: countRows(denials) },
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
