/** What must be atomic: a stored procedure, called in one round trip. */

import { type Procedure, procedure, ROLL_BACK, takeUserLock, USER_TYPE } from './setup.ts';

const LIVE = 'touched_ms > p_idle_since and absolute_expiry_ms > p_now';

/**
 * Begins a login: inserts it, or rotates the session p_old into it. Selects its status and the ids that it evicted, one
 * after the other.
 *
 * Without a cap a shared lock is enough: logins of a user need no order among themselves, only against set_disabled and
 * against a login that evicts (a rotation must not change the ids that it is about to delete). In a race of rotations
 * the winner changes the id, so that the others, having waited for its row, no longer find it. Rows are deleted by
 * their primary key: by the index of users they would be locked in another order than a logout locks them.
 */
export function loginProcedure(prefix: string): Procedure {
  const sessions = `\`${prefix}sessions\``;
  const others = `user_id = p_user and ${LIVE} and (p_old is null or id <> p_old)`;
  return procedure(
    prefix,
    'login',
    `p_old binary(32), p_new binary(32), p_user ${USER_TYPE}, p_role varchar(8) character set ascii, p_data longblob,
     p_now bigint, p_idle_since bigint, p_absolute_expiry bigint, p_cap bigint, p_evict boolean`,
    `begin
  declare v_status varchar(8) character set ascii default 'created';
  declare v_evicted longblob default null;
  declare v_slot int;
  declare v_count bigint default 0;
  ${ROLL_BACK}
  start transaction;
  if p_user is null then
    select user_id into p_user from ${sessions} where id = p_old;
  end if;
  if p_user is not null and p_cap is null then
    ${takeUserLock(prefix, true)}
  elseif p_user is not null then
    ${takeUserLock(prefix, false)}
  end if;
  if p_old is not null then
    select count(*) into v_count from ${sessions} where id = p_old and ${LIVE} for update;
    if v_count = 0 then
      set v_status = 'gone';
    end if;
  end if;
  if v_status = 'created' and p_user is not null
    and exists (select 1 from \`${prefix}disabled_users\` where user_id = p_user) then
    set v_status = 'disabled';
  end if;
  if v_status = 'created' and p_cap is not null then
    select count(*) into v_count from ${sessions} where ${others};
    if v_count >= p_cap and not p_evict then
      set v_status = 'limit';
    elseif v_count >= p_cap then
      begin
        declare v_id binary(32);
        declare v_done boolean default false;
        declare v_kept bigint default greatest(p_cap - 1, 0);
        declare oldest cursor for select id from ${sessions} where ${others}
          order by created_ms desc, id desc limit v_kept, 1000000;
        declare continue handler for not found set v_done = true;
        open oldest;
        each_one: loop
          fetch oldest into v_id;
          if v_done then leave each_one; end if;
          delete from ${sessions} where id = v_id;
          if row_count() = 1 then set v_evicted = concat(coalesce(v_evicted, ''), v_id); end if;
        end loop;
        close oldest;
      end;
    end if;
  end if;
  if v_status = 'created' and p_old is null then
    insert into ${sessions} (id, user_id, role, data, version, created_ms, touched_ms, absolute_expiry_ms)
    values (p_new, p_user, p_role, p_data, 1, p_now, p_now, p_absolute_expiry);
  elseif v_status = 'created' then
    update ${sessions} set id = p_new, user_id = p_user, role = coalesce(p_role, role),
      data = coalesce(p_data, data), touched_ms = p_now where id = p_old;
  end if;
  commit;
  select v_status, v_evicted;
end`,
  );
}

/** Deletes the logins of p_user, but for p_except, and counts those that were live into v_ended. */
function endLogins(prefix: string): string {
  const sessions = `\`${prefix}sessions\``;
  return `begin
      declare v_id binary(32);
      declare v_live boolean;
      declare v_done boolean default false;
      declare all_of_user cursor for select id, ${LIVE} from ${sessions}
        where user_id = p_user and (p_except is null or id <> p_except) order by id;
      declare continue handler for not found set v_done = true;
      open all_of_user;
      each_one: loop
        fetch all_of_user into v_id, v_live;
        if v_done then leave each_one; end if;
        delete from ${sessions} where id = v_id;
        if v_live then set v_ended = v_ended + row_count(); end if;
      end loop;
      close all_of_user;
    end;`;
}

/** Selects the number of live logins that it ended. Takes the user's lock, so that no login is missed. */
export function revokeProcedure(prefix: string): Procedure {
  return procedure(
    prefix,
    'revoke_user',
    `p_user ${USER_TYPE}, p_except binary(32), p_idle_since bigint, p_now bigint`,
    `begin
  declare v_slot int;
  declare v_ended bigint default 0;
  ${ROLL_BACK}
  start transaction;
  ${takeUserLock(prefix, false)}
  ${endLogins(prefix)}
  commit;
  select v_ended;
end`,
  );
}

/** Disables or enables a user; selects the number of live logins that it ended. */
export function setDisabledProcedure(prefix: string): Procedure {
  const disabled = `\`${prefix}disabled_users\``;
  return procedure(
    prefix,
    'set_disabled',
    `p_user ${USER_TYPE}, p_disabled boolean, p_idle_since bigint, p_now bigint`,
    `begin
  declare v_slot int;
  declare v_ended bigint default 0;
  declare p_except binary(32) default null;
  ${ROLL_BACK}
  start transaction;
  ${takeUserLock(prefix, false)}
  if p_disabled then
    insert ignore into ${disabled} values (p_user);
    ${endLogins(prefix)}
  else
    delete from ${disabled} where user_id = p_user;
  end if;
  commit;
  select v_ended;
end`,
  );
}

/** Removes at most p_limit expired sessions, and selects their number. */
export function sweepProcedure(prefix: string): Procedure {
  return procedure(
    prefix,
    'sweep',
    'p_idle_since bigint, p_now bigint, p_limit bigint',
    `begin
  delete from \`${prefix}sessions\` where not (${LIVE}) limit p_limit;
  select row_count();
end`,
  );
}

/**
 * For sessions that a crash must lose: removes them when MariaDB has been restarted since. Every connection calls it
 * first, so that none sees what is left of them. Otherwise a logout of the last second would be undone by a crash.
 */
export function forgetProcedure(prefix: string, tables: readonly string[]): Procedure {
  const [since, lock] = [`\`${prefix}since_start\``, `concat(database(), '.${prefix}')`];
  return procedure(
    prefix,
    'forget',
    '',
    `begin
  if not exists (select 1 from ${since}) then
    do get_lock(sha1(${lock}), 9);
    if not exists (select 1 from ${since}) then
      ${tables.map((name) => `truncate table \`${prefix}${name}\`;`).join('\n      ')}
      insert into ${since} values (1);
    end if;
    do release_lock(sha1(${lock}));
  end if;
end`,
  );
}
