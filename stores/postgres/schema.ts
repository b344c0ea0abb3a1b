import { statements } from './connections.ts';
import { failedLoginsTable } from './failed-logins.ts';
import { CHURNING, countRows, setupScript, sweeperTable, sweepTurn, userLock } from './setup.ts';

export type SessionSql = ReturnType<typeof sessionSql>;

/** All SQL for sessions in `schema` (quoted, as `schemaName` returns it). */
export function sessionSql(schema: string, unlogged: boolean) {
  const sessions = `${schema}.sessions`;
  const live = (idleSince: string, now: string) =>
    `touched_ms > ${idleSince} and absolute_expiry_ms > ${now}`;
  const isLive = `id = $1 and ${live('$2', '$3')}`;
  const update = `update ${sessions} set data = $4, version = version + 1 where ${isLive}`;
  return {
    /** Creates what is missing; safe to run concurrently from several servers. */
    setup: setupScript(
      schema,
      tables(schema, unlogged) +
        functions(schema) +
        sweeperTable(schema) +
        sweepTurn(schema, 'sessions', 'id', `not (${live('p_idle_since', 'p_now')})`) +
        failedLoginsTable(schema, unlogged),
    ),
    ...statements({
      read: `select user_id, role, data, version, created_ms, touched_ms, absolute_expiry_ms
             from ${sessions} where ${isLive}`,
      // Only for a session without a user: a login uses the function, which can refuse it.
      create: `insert into ${sessions} (id, role, data, version, created_ms, touched_ms, absolute_expiry_ms)
               values ($1, $2, $3, 1, $4, $4, $5)`,
      update: `${update} returning version`,
      updateIfVersion: `${update} and version = $5 returning version`,
      isLive: `select from ${sessions} where ${isLive}`,
      // greatest: a server whose clock is behind must not revoke time that another one has granted.
      touch: `update ${sessions} set touched_ms = greatest(touched_ms, $3) where ${isLive}`,
      login: `select status, evicted from ${schema}.login($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      destroy: `delete from ${sessions} where id = $1 returning ${live('$2', '$3')}`,
      destroyLogin: `delete from ${sessions} where id = $1 and user_id = $4 returning ${live('$2', '$3')}`,
      revokeUser: `select ${schema}.revoke_user($1, $2, $3, $4)`,
      setDisabled: `select ${schema}.set_disabled($1, $2, $3, $4)`,
      listUser: `select id, created_ms, absolute_expiry_ms from ${sessions}
                 where user_id = $1 and ${live('$2', '$3')} order by created_ms, id`,
      // An array, not a join: a sub-select that locks and skips must run exactly once.
      sweep: `delete from ${sessions} where id = any (array(
                select id from ${sessions} where not (${live('$1', '$2')}) limit $3 for update skip locked))`,
      sweepTurn: `select ${schema}.sweep_sessions($1, $2, $3)`,
      stats: countRows(sessions),
    }),
  };
}

/**
 * Column order: fixed widths first, so that no row is padded. What touch and update write is in no index, so that both
 * are HOT updates: no index is written, and dead rows are pruned at the next access of the page. (The absolute expiry
 * has no index either: the sweep walks the heap, and each index costs every login.) Data is not compressed: the other
 * stores keep it as it is, and the bench's filler would compress better than real data.
 */
function tables(schema: string, unlogged: boolean): string {
  const table = unlogged ? 'unlogged table' : 'table';
  return `
create ${table} if not exists ${schema}.sessions (
  created_ms bigint not null,
  touched_ms bigint not null,
  absolute_expiry_ms bigint not null,
  version integer not null,
  id bytea primary key,
  user_id text,
  role text not null,
  data bytea not null
) with (
  ${CHURNING},
  toast.autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_threshold = 1000
);
do $$ begin
  if (select attstorage from pg_attribute where attrelid = '${schema}.sessions'::regclass and attname = 'data') <> 'e'
  then alter table ${schema}.sessions alter column data set storage external;
  end if;
end $$;
create index if not exists sessions_user on ${schema}.sessions (user_id) where user_id is not null;
create ${table} if not exists ${schema}.disabled_users (user_id text primary key);`;
}

/**
 * Volatile plpgsql, for each of its statements takes a new snapshot: a count after the lock sees what the previous
 * login has committed. A single statement, even with the lock in a CTE, takes its snapshot first.
 */
function functions(schema: string): string {
  const sessions = `${schema}.sessions`;
  const live = 'touched_ms > p_idle_since and absolute_expiry_ms > p_now';
  return `
-- Begins a login: inserts it, or rotates the session p_old into it. Without a cap a shared lock is enough: logins of a
-- user need no order among themselves, only against set_disabled and against a login that evicts (a rotation must not
-- change the ids that it is about to delete). In a race of rotations the winner changes the id, so that the others,
-- having waited for its row, no longer find it.
create or replace function ${schema}.login(
  p_old bytea, p_new bytea, p_user text, p_role text, p_data bytea, p_now bigint, p_idle_since bigint,
  p_absolute_expiry bigint, p_cap integer, p_evict boolean, out status text, out evicted bytea[]
) language plpgsql volatile as $$
begin
  if p_user is null then
    select user_id into p_user from ${sessions} where id = p_old;
  end if;
  if p_user is not null and p_cap is null then
    perform pg_advisory_xact_lock_shared(${userLock(schema)});
  elsif p_user is not null then
    perform pg_advisory_xact_lock(${userLock(schema)});
  end if;
  if p_old is not null then
    perform from ${sessions} where id = p_old and ${live} for update;
    if not found then
      status := 'gone';
      return;
    end if;
  end if;
  if exists (select from ${schema}.disabled_users where user_id = p_user) then
    status := 'disabled';
    return;
  end if;
  if p_cap is not null and p_evict then
    with ended as (
      delete from ${sessions} where id = any (array(
        select id from ${sessions} where user_id = p_user and ${live} and id is distinct from p_old
        order by created_ms desc, id desc offset greatest(p_cap - 1, 0)))
      returning id)
    select array_agg(id) into evicted from ended;
  elsif p_cap is not null and p_cap <= (
    select count(*) from ${sessions} where user_id = p_user and ${live} and id is distinct from p_old) then
    status := 'limit';
    return;
  end if;
  if p_old is null then
    insert into ${sessions} (id, user_id, role, data, version, created_ms, touched_ms, absolute_expiry_ms)
    values (p_new, p_user, p_role, p_data, 1, p_now, p_now, p_absolute_expiry);
  else
    update ${sessions} set id = p_new, user_id = p_user, role = coalesce(p_role, role),
      data = coalesce(p_data, data), touched_ms = p_now where id = p_old;
  end if;
  status := 'created';
end $$;

-- Takes the user's lock, so that it and a login that evicts cannot wait for each other's rows.
create or replace function ${schema}.revoke_user(p_user text, p_except bytea, p_idle_since bigint, p_now bigint)
returns bigint language plpgsql volatile as $$
declare ended bigint;
begin
  perform pg_advisory_xact_lock(${userLock(schema)});
  with gone as (
    delete from ${sessions} where user_id = p_user and id is distinct from p_except returning ${live} as was_live)
  select count(*) filter (where was_live) into ended from gone;
  return ended;
end $$;

create or replace function ${schema}.set_disabled(p_user text, p_disabled boolean, p_idle_since bigint, p_now bigint)
returns bigint language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock(${userLock(schema)});
  if not p_disabled then
    delete from ${schema}.disabled_users where user_id = p_user;
    return 0;
  end if;
  insert into ${schema}.disabled_users values (p_user) on conflict do nothing;
  return ${schema}.revoke_user(p_user, null, p_idle_since, p_now);
end $$;
`;
}
