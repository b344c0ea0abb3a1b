import type { RedisScript } from '../redis/open-client.ts';

/*
 * The scripts of the deny list. The rules of redis/scripts.ts apply (time from the caller; writes that Redis may refuse
 * begin with SET, the others with a command that needs no memory, so that a full Redis still accepts a logout). Keys,
 * after the namespace:
 *
 *     :epoch           identifies this list; it is lost together with what it guards
 *     :deny:SID        an ended login, for as long as a token of it can be valid: 1, or if its refresh token rotated
 *                      it '<' and the sid of its family's first login; there, '>' and the family's current sid
 *     :login:SID       a login: created, idle expiry, absolute expiry (13 digits each), then the id of its current
 *                      refresh token if there is one, then the family's first sid if that is another; until it
 *                      idles away
 *     :logins:USER     a user's sids, scored by absolute expiry; the keys above are derived from them
 *     :disabled:USER   a user who may not log in
 *     :gen:USER        a user's generation, where logins are ended by it (deny-list-generation.ts); it is never removed
 *     :f:ACCOUNT       failed logins, counted by failed-logins.ts
 *
 * Where denials are pushed to the servers (deny-list-pushed.ts), also
 *
 *     :pushed          the number of the latest denial; they are numbered without a gap
 *     :denials         a stream of them: its number, sid, when it may be forgotten
 *     :denied          the snapshot: the sids, scored by when they may be forgotten
 *
 * ARGV 1 to 4 of each: namespace, expected epoch, now, tolerance in ms.
 */
const prelude = ({ announce, announced }: Announcement) => `
local space, now, tolerance = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local epoch = redis.call('GET', KEYS[1])
if epoch ~= ARGV[2] then return { 'lost', epoch or '' } end

local function index_of(user) return space .. ':logins:' .. user end
local function login_of(sid) return space .. ':login:' .. sid end
local function denial_of(sid) return space .. ':deny:' .. sid end
local function is_denied(sid) return redis.call('EXISTS', denial_of(sid)) == 1 end
local function is_disabled(user) return redis.call('EXISTS', space .. ':disabled:' .. user) == 1 end

local function is_live(sid)
  local login = redis.call('GET', login_of(sid))
  return login and now < tonumber(string.sub(login, 14, 26)) and now < tonumber(string.sub(login, 27, 39))
end

${announce}
-- Ends a login; 1 when it was not ended before. The user is '' for an anonymous session, the family nil for most.
local function deny(sid, user, absolute, family)
  redis.call('DEL', login_of(sid))
  if user ~= '' then redis.call('ZREM', index_of(user), sid) end
  local keep = math.max(1, absolute + tolerance - now)
  if not redis.call('SET', denial_of(sid), family or '1', 'NX', 'PX', keep) then return 0 end
  ${announced}
  return 1
end

-- Never shortened: of two touches in flight the later expiry counts, for its token lasts that long.
local function extend(sid, idle)
  local key = login_of(sid)
  local login = redis.call('GET', key)
  if login and tonumber(string.sub(login, 14, 26)) < tonumber(idle) then
    redis.call('PEXPIRE', key, tonumber(idle) + tolerance - now)
    redis.call('SETRANGE', key, 13, idle)
  end
end

-- Ends the current login of an ended one's family; 1 when there was one. Two steps at most, however often the family
-- was rotated: a thief must not outrun them.
local function deny_family(sid, user, absolute)
  local denial = redis.call('GET', denial_of(sid)) or ''
  if string.sub(denial, 1, 1) == '<' then denial = redis.call('GET', denial_of(string.sub(denial, 2))) or '' end
  if string.sub(denial, 1, 1) ~= '>' then return 0 end
  return deny(string.sub(denial, 2), user, absolute)
end

-- Live logins, oldest first (all have the same lifetime, so by absolute expiry), as { sid, absolute }; and the rest.
local function logins_of(user)
  local live, idle = {}, {}
  local flat = redis.call('ZRANGE', index_of(user), 0, -1, 'WITHSCORES')
  for i = 1, #flat, 2 do
    local list = is_live(flat[i]) and live or idle
    list[#list + 1] = { flat[i], tonumber(flat[i + 1]) }
  end
  return live, idle
end

-- The logins that must end to make room for one more; nil when the limit refuses. Writes nothing.
local function room(user, cap, on_cap, replaced)
  if cap == 0 or redis.call('ZCARD', index_of(user)) < cap then return {} end
  local others = {}
  for _, login in ipairs((logins_of(user))) do
    if login[1] ~= replaced then others[#others + 1] = login end
  end
  local excess = #others + 1 - cap
  if excess > 0 and on_cap == 'refuse' then return nil end
  local evicted = {}
  for i = 1, math.min(excess, #others) do evicted[i] = others[i] end
  return evicted
end

-- Registers a login and ends those that make room for it; the reply of admit and rotate. refresh, family: nil if none.
local function admit(sid, user, created, idle, absolute, evicted, refresh, family)
  local lasting = math.max(1, math.min(tonumber(idle), tonumber(absolute)) + tolerance - now)
  redis.call('SET', login_of(sid), created .. idle .. absolute .. (refresh or '') .. (family or ''), 'PX', lasting)
  local index, kept = index_of(user), tonumber(absolute) + tolerance - now
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now - tolerance)
  redis.call('ZADD', index, absolute, sid)
  if redis.call('PTTL', index) < kept then redis.call('PEXPIRE', index, kept) end
  local reply = { 'admitted' }
  for _, login in ipairs(evicted) do
    deny(login[1], user, login[2])
    reply[#reply + 1] = login[1]
  end
  return reply
end
`;

/** What the scripts do about a new denial, beside writing it. */
export interface Announcement {
  /** Defines the function that `announced` calls. */
  announce: string;
  announced: string;
}

const SILENT: Announcement = { announce: '', announced: '' };

// Without prelude: this creates the epoch that the others expect.
const OPEN = `
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return redis.call('GET', KEYS[1])
`;

// 5 sid, 6 user, 7 created, 8 idle expiry, 9 absolute expiry, 10 cap, 11 evict or refuse, 12 refresh token's id if any
const ADMIT = `
local sid, user = ARGV[5], ARGV[6]
if redis.call('EXISTS', login_of(sid)) == 1 then return { 'admitted' } end
if is_disabled(user) then return { 'disabled' } end
local evicted = room(user, tonumber(ARGV[10]), ARGV[11], nil)
if evicted == nil then return { 'limit' } end
return admit(sid, user, ARGV[7], ARGV[8], ARGV[9], evicted, ARGV[12])
`;

// 5 to 11 as in ADMIT, of the new login; 12 old sid, 13 old user, 14 old absolute expiry; 15 as 12 in ADMIT; 16 id of
// the presented refresh token, if any (then 15 is set). All logins of a family, and so their denials, expire together.
const ROTATE = `
local sid, user, old, presented = ARGV[5], ARGV[6], ARGV[12], ARGV[16]
if is_denied(old) then return { 'gone' } end
local first
if presented then
  if not is_live(old) then return { 'gone' } end
  local login = redis.call('GET', login_of(old))
  if string.sub(login, 40, 61) ~= presented then
    deny(old, ARGV[13], tonumber(ARGV[14]))
    return { 'gone' }
  end
  first = #login > 61 and string.sub(login, 62) or old
end
local evicted = {}
if user ~= '' then
  if is_disabled(user) then return { 'disabled' } end
  evicted = room(user, tonumber(ARGV[10]), ARGV[11], old)
  if evicted == nil then return { 'limit' } end
end
if user == '' then
  deny(old, ARGV[13], tonumber(ARGV[14]))
  return { 'admitted' }
end
local reply = admit(sid, user, ARGV[7], ARGV[8], ARGV[9], evicted, ARGV[15], first)
deny(old, ARGV[13], tonumber(ARGV[14]), first and '<' .. first)
if first then redis.call('SET', denial_of(first), '>' .. sid, 'XX', 'KEEPTTL') end
return reply
`;

// 5 sid, 6 user, 7 absolute expiry, 8 'family' to end what it was rotated into as well
const DENY = `
local absolute = tonumber(ARGV[7])
if deny(ARGV[5], ARGV[6], absolute) == 1 then return 1 end
return ARGV[8] == 'family' and deny_family(ARGV[5], ARGV[6], absolute) or 0
`;

// 5 sid, 6 idle expiry
const EXTEND = `
if is_denied(ARGV[5]) then return 0 end
extend(ARGV[5], ARGV[6])
return 1
`;

// 5 sid, 6 user, 7 absolute expiry, 8 refresh token's id presented, 9 the next one's, 10 idle expiry (never shortened)
const EXCHANGE = `
local sid, idle = ARGV[5], tonumber(ARGV[10])
if is_denied(sid) then return deny_family(sid, ARGV[6], tonumber(ARGV[7])) == 1 and 'reused' or 'gone' end
if not is_live(sid) then return 'gone' end
local key = login_of(sid)
local login = redis.call('GET', key)
if string.sub(login, 40, 61) ~= ARGV[8] then
  deny(sid, ARGV[6], tonumber(ARGV[7]))
  return 'reused'
end
local former = tonumber(string.sub(login, 14, 26))
redis.call('PEXPIRE', key, math.max(former, idle) + tolerance - now)
if former < idle then redis.call('SETRANGE', key, 13, ARGV[10]) end
redis.call('SETRANGE', key, 39, ARGV[9])
return 'exchanged'
`;

// 5 user, 6 sid
const DENY_LOGIN = `
local absolute = redis.call('ZSCORE', index_of(ARGV[5]), ARGV[6])
if not absolute or not is_live(ARGV[6]) then return 0 end
return deny(ARGV[6], ARGV[5], tonumber(absolute))
`;

// 5 user, 6 sid excepted or '', 7 'disable', 'enable' or ''. Also denies what has idled away by this clock: another
// server's may be behind.
const DENY_USER = `
local user, except, mark = ARGV[5], ARGV[6], ARGV[7]
if mark == 'enable' then
  redis.call('DEL', space .. ':disabled:' .. user)
  return 0
end
local live, idle = logins_of(user)
local ended = 0
for _, login in ipairs(live) do
  if login[1] ~= except then ended = ended + deny(login[1], user, login[2]) end
end
for _, login in ipairs(idle) do
  if login[1] ~= except then deny(login[1], user, login[2]) end
end
redis.call('ZREMRANGEBYSCORE', index_of(user), '-inf', now - tolerance)
if mark == 'disable' then redis.call('SET', space .. ':disabled:' .. user, '1') end
return ended
`;

// 5 user
const LIST = `
local list = { 'logins' }
for _, login in ipairs((logins_of(ARGV[5]))) do
  list[#list + 1] = login[1]
  list[#list + 1] = redis.call('GET', login_of(login[1]))
end
return list
`;

/** The bodies of the scripts, by name. */
export const DENY_LIST_SCRIPTS = {
  admitLogin: ADMIT,
  rotateLogin: ROTATE,
  denySid: DENY,
  extendLogin: EXTEND,
  exchangeRefresh: EXCHANGE,
  denyLogin: DENY_LOGIN,
  denyUser: DENY_USER,
  listLogins: LIST,
};

/** The scripts of the deny list, under the names that `RedisConnection.run` takes. */
export type DenyListScripts = Readonly<Record<string, RedisScript>>;

/** @param scripts by name; each begins with what the list has in common. */
export function withPrelude(
  scripts: Readonly<Record<string, string>>,
  announcement: Announcement = SILENT,
): DenyListScripts {
  const before = prelude(announcement);
  // KEYS 2 never exists: without it a script would run while its slot moves between nodes of a cluster, and miss denials.
  const entries = Object.entries(scripts).map(([name, lua]) => [
    name,
    { numberOfKeys: 2, lua: before + lua },
  ]);
  return Object.fromEntries(entries);
}

/** Those of a list that servers look up. */
export function denyListScripts(): DenyListScripts {
  return { openDenyList: { numberOfKeys: 1, lua: OPEN }, ...withPrelude(DENY_LIST_SCRIPTS) };
}
