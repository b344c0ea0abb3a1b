import { userLock } from '../postgres/setup.ts';

/** SQLSTATE raised by a function when the list has another epoch; the message is the epoch found, or ''. */
export const LOST_SQLSTATE = 'SB001';

/** The deny list's tables in `schema`. */
export function tablesOf(schema: string): { denials: string; logins: string; disabledUsers: string } {
  return {
    denials: `${schema}.denials`,
    logins: `${schema}.logins`,
    disabledUsers: `${schema}.disabled_users`,
  };
}

/**
 * The functions of the deny list, for `schema`; first those that the others call. Volatile plpgsql, as in the session
 * store: statements after the lock must see what was committed before it.
 */
export function denyListFunctions(schema: string, toleranceMs: number): string {
  const { denials, logins, disabledUsers } = tablesOf(schema);
  const live = 'idle_expiry_ms > p_now and absolute_expiry_ms > p_now';
  return `
create or replace function ${schema}.expect_epoch(p_epoch text) returns void language plpgsql volatile as $$
declare found_epoch text := (select epoch from ${denials} where sid = '');
begin
  if found_epoch is distinct from p_epoch then
    raise exception using errcode = '${LOST_SQLSTATE}', message = coalesce(found_epoch, '');
  end if;
end $$;

-- Ends a login; true when it was not ended before. In a race the others wait at the primary key, and lose.
create or replace function ${schema}.end_login(p_sid text, p_absolute_expiry bigint)
returns boolean language plpgsql volatile as $$
begin
  delete from ${logins} where sid = p_sid;
  insert into ${denials} (sid, keep_until_ms) values (p_sid, p_absolute_expiry + ${toleranceMs})
    on conflict do nothing;
  return found;
end $$;

-- Ends the current login of an ended one's family; true when there was one. The lock on the family's row prevents a
-- rotation meanwhile.
create or replace function ${schema}.end_family(p_sid text, p_absolute_expiry bigint)
returns boolean language plpgsql volatile as $$
declare v_successor text;
begin
  select successor into v_successor from ${denials}
    where sid = (select family from ${denials} where sid = p_sid) for update;
  if v_successor is null then
    return false;
  end if;
  return ${schema}.end_login(v_successor, p_absolute_expiry);
end $$;

-- Registers a login, and ends the one that it replaces (p_old, unless null). All checks precede the first write:
-- ending p_old decides a race, and only then others are evicted. With p_presented, p_old must be a live login with that
-- refresh token; its row is locked after that of its family, as in end_family.
create or replace function ${schema}.admit(
  p_epoch text, p_now bigint, p_old text, p_old_absolute bigint, p_sid text, p_user text,
  p_created bigint, p_idle_expiry bigint, p_absolute_expiry bigint, p_cap integer, p_evict boolean,
  p_refresh_id text, p_presented text, out status text, out evicted text[]
) language plpgsql volatile as $$
declare
  excess bigint := 0;
  oldest record;
  v_current text;
  v_family text;
begin
  perform ${schema}.expect_epoch(p_epoch);
  if p_user is not null and p_cap is null then
    perform pg_advisory_xact_lock_shared(${userLock(schema)});
  elsif p_user is not null then
    perform pg_advisory_xact_lock(${userLock(schema)});
  end if;
  if exists (select from ${logins} where sid = p_sid) then
    status := 'admitted';
    return;
  end if;
  if exists (select from ${denials} where sid = p_old) then
    status := 'gone';
    return;
  end if;
  if p_presented is not null then
    select family into v_family from ${logins} where sid = p_old;
    perform from ${denials} where sid = v_family for update;
    select refresh_id, coalesce(family, sid) into v_current, v_family from ${logins}
      where sid = p_old and ${live} for update;
    if not found then
      status := 'gone';
      return;
    end if;
    if v_current is distinct from p_presented then
      perform ${schema}.end_login(p_old, p_old_absolute);
      status := 'gone';
      return;
    end if;
  end if;
  if exists (select from ${disabledUsers} where user_id = p_user) then
    status := 'disabled';
    return;
  end if;
  if p_user is not null and p_cap is not null then
    excess := 1 - p_cap + (
      select count(*) from ${logins} where user_id = p_user and ${live} and sid is distinct from p_old);
    if excess > 0 and not p_evict then
      status := 'limit';
      return;
    end if;
  end if;
  if p_old is not null and not ${schema}.end_login(p_old, p_old_absolute) then
    status := 'gone';
    return;
  end if;
  if v_family is not null then
    update ${denials} set family = v_family, successor = case sid when v_family then p_sid end
      where sid = any (array[p_old, v_family]);
  end if;
  for oldest in
    select sid, absolute_expiry_ms from ${logins} where user_id = p_user and ${live}
      and sid is distinct from p_old order by created_ms, sid limit greatest(excess, 0)
  loop
    -- One that a logout has ended meanwhile is not named: one call ended it, not two.
    if ${schema}.end_login(oldest.sid, oldest.absolute_expiry_ms) then
      evicted := evicted || oldest.sid;
    end if;
  end loop;
  if p_user is not null then
    insert into ${logins} (sid, user_id, created_ms, idle_expiry_ms, absolute_expiry_ms, refresh_id, family)
    values (p_sid, p_user, p_created, p_idle_expiry, p_absolute_expiry, p_refresh_id, v_family);
  end if;
  status := 'admitted';
end $$;

-- Never shortened: of two touches in flight the later expiry counts, for its token is valid until then.
create or replace function ${schema}.extend(p_epoch text, p_sid text, p_idle_expiry bigint)
returns boolean language plpgsql volatile as $$
begin
  perform ${schema}.expect_epoch(p_epoch);
  update ${logins} set idle_expiry_ms = p_idle_expiry where sid = p_sid and idle_expiry_ms < p_idle_expiry;
  return not exists (select from ${denials} where sid = p_sid);
end $$;

-- In a race the others wait for the login's row, and then see the winner's id in it. Like deny, it locks only that row
-- and its denial (for an ended login, its family's row and then the current login's): a holder of the user's lock waits
-- for it, never the reverse.
create or replace function ${schema}.exchange(
  p_epoch text, p_now bigint, p_sid text, p_absolute_expiry bigint, p_presented text, p_next text, p_idle_expiry bigint
) returns text language plpgsql volatile as $$
declare v_current text;
begin
  perform ${schema}.expect_epoch(p_epoch);
  select refresh_id into v_current from ${logins} where sid = p_sid and ${live} for update;
  if not found or exists (select from ${denials} where sid = p_sid) then
    return case when ${schema}.end_family(p_sid, p_absolute_expiry) then 'reused' else 'gone' end;
  end if;
  if v_current is distinct from p_presented then
    perform ${schema}.end_login(p_sid, p_absolute_expiry);
    return 'reused';
  end if;
  update ${logins} set refresh_id = p_next, idle_expiry_ms = greatest(idle_expiry_ms, p_idle_expiry)
    where sid = p_sid;
  return 'exchanged';
end $$;

create or replace function ${schema}.deny(p_epoch text, p_sid text, p_absolute_expiry bigint, p_family boolean)
returns boolean language plpgsql volatile as $$
begin
  perform ${schema}.expect_epoch(p_epoch);
  if ${schema}.end_login(p_sid, p_absolute_expiry) then
    return true;
  end if;
  return p_family and ${schema}.end_family(p_sid, p_absolute_expiry);
end $$;

create or replace function ${schema}.deny_login(p_epoch text, p_now bigint, p_user text, p_sid text)
returns boolean language plpgsql volatile as $$
declare v_absolute_expiry bigint;
begin
  perform ${schema}.expect_epoch(p_epoch);
  select absolute_expiry_ms into v_absolute_expiry from ${logins}
    where sid = p_sid and user_id = p_user and ${live} for update;
  return found and ${schema}.end_login(p_sid, v_absolute_expiry);
end $$;

-- Also denies logins that have idled away by this clock (another server's may be behind), but counts only live ones.
create or replace function ${schema}.deny_user(p_epoch text, p_now bigint, p_user text, p_except text)
returns bigint language plpgsql volatile as $$
declare
  login record;
  was_ended boolean;
  ended bigint := 0;
begin
  perform ${schema}.expect_epoch(p_epoch);
  perform pg_advisory_xact_lock(${userLock(schema)});
  for login in
    select sid, absolute_expiry_ms, ${live} as was_live from ${logins}
    where user_id = p_user and sid is distinct from p_except
  loop
    was_ended := ${schema}.end_login(login.sid, login.absolute_expiry_ms);
    if was_ended and login.was_live then
      ended := ended + 1;
    end if;
  end loop;
  return ended;
end $$;

create or replace function ${schema}.set_disabled(p_epoch text, p_now bigint, p_user text, p_disabled boolean)
returns bigint language plpgsql volatile as $$
begin
  perform ${schema}.expect_epoch(p_epoch);
  perform pg_advisory_xact_lock(${userLock(schema)});
  if not p_disabled then
    delete from ${disabledUsers} where user_id = p_user;
    return 0;
  end if;
  insert into ${disabledUsers} values (p_user) on conflict do nothing;
  return ${schema}.deny_user(p_epoch, p_now, p_user, null);
end $$;
`;
}
