import type { RedisScript } from './open-client.ts';

/*
 * Each script is one atomic round trip. Common to all:
 * - Time comes from the caller (ARGV), never from Redis, so that expiry follows the injected clock; the TTL of a key
 *   only frees its memory.
 * - Offsets are those of value.ts, counted from 1.
 * - Session keys are derived from the ids in a user's index: on a cluster they share its slot (spaces.ts). While a slot
 *   moves from node to node, keys of both are in it, and a script on one would take a session of the other for one that
 *   has ended. A script that derives keys therefore names one that never exists, or that does not exist yet: Redis
 *   refuses it (TRYAGAIN) while its slot moves.
 * - What a full Redis must refuse (a login) starts with SET, which it refuses before anything is written. What it must
 *   still do (a logout, a touch) starts with a command that needs no memory: after it Redis accepts the rest.
 */
const PRELUDE = `
local function alive(header, now, idle)
  if #header < 53 then return false end
  return now < tonumber(string.sub(header, 1, 13)) + idle and now < tonumber(string.sub(header, 14, 26))
end

local function header_of(key) return redis.call('GETRANGE', key, 0, 52) end

local function user_of(key, header)
  local length = tonumber(string.sub(header, 50, 53))
  if length == 0 then return '' end
  return redis.call('GETRANGE', key, 53, 52 + length)
end

-- A user's logins, oldest first (all have the same lifetime, so by absolute expiry), and those that idled away.
local function logins_of(index, sessions, now, idle)
  local live, dead = {}, {}
  for _, id in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    if alive(header_of(sessions .. id), now, idle) then live[#live + 1] = id else dead[#dead + 1] = id end
  end
  return live, dead
end

local function drop(index, sessions, ids)
  for _, id in ipairs(ids) do
    redis.call('DEL', sessions .. id)
    redis.call('ZREM', index, id)
  end
end

-- The logins that must end to make room for one more; nil when the limit refuses. Writes nothing.
local function room(index, sessions, now, idle, cap, on_cap, replaced)
  if cap == 0 or redis.call('ZCARD', index) < cap then return {}, {} end
  local live, dead = logins_of(index, sessions, now, idle)
  local others = {}
  for _, id in ipairs(live) do if id ~= replaced then others[#others + 1] = id end end
  local excess = #others + 1 - cap
  if excess > 0 and on_cap == 'refuse' then return nil end
  local evicted = {}
  for i = 1, math.min(excess, #others) do evicted[i] = others[i] end
  return evicted, dead
end

local function register(index, id, absolute, now)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
  redis.call('ZADD', index, absolute, id)
  if redis.call('PTTL', index) < absolute - now then redis.call('PEXPIRE', index, absolute - now) end
end

local function created(evicted)
  table.insert(evicted, 1, 'created')
  return evicted
end
`;

// A create that was resent after a lost reply finds its own session: ids are never drawn twice.
const CREATE = `
local id, value, sessions, on_cap = ARGV[1], ARGV[2], ARGV[3], ARGV[8]
local now, idle, absolute, cap = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
if redis.call('EXISTS', KEYS[1]) == 1 then return { 'created' } end
if redis.call('EXISTS', KEYS[3]) == 1 then return { 'disabled' } end
local evicted, dead = room(KEYS[2], sessions, now, idle, cap, on_cap, nil)
if evicted == nil then return { 'limit' } end
redis.call('SET', KEYS[1], value, 'PX', math.min(idle, absolute - now))
drop(KEYS[2], sessions, dead)
drop(KEYS[2], sessions, evicted)
register(KEYS[2], id, absolute, now)
return created(evicted)
`;

// 3 expected version, '' for any. 4 encoding, 5 data.
const UPDATE = `
local now, idle, expected = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local header = header_of(KEYS[1])
if not alive(header, now, idle) then return 0 end
local version = tonumber(string.sub(header, 40, 47))
if expected and expected ~= version then return -1 end
redis.call('SET', KEYS[1], string.sub(header, 1, 39) .. string.format('%08d', version + 1)
  .. string.sub(header, 48, 48) .. ARGV[4] .. string.sub(header, 50, 53)
  .. user_of(KEYS[1], header) .. ARGV[5], 'KEEPTTL')
return version + 1
`;

// Rewrites the 13 bytes of the stamp and the TTL, not the data, neither here nor in the append-only file.
const TOUCH = `
local now, idle = tonumber(ARGV[1]), tonumber(ARGV[2])
local header = header_of(KEYS[1])
if not alive(header, now, idle) then return 0 end
redis.call('PEXPIRE', KEYS[1], math.min(idle, tonumber(string.sub(header, 14, 26)) - now))
redis.call('SETRANGE', KEYS[1], 0, ARGV[1])
return 1
`;

const ROTATE = `
local old_id, new_id, space, on_cap = ARGV[1], ARGV[2], ARGV[3], ARGV[7]
local now, idle, cap = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local patch_user, patch_role, patch_encoding, patch_data = ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local sessions = space .. ':s:'
local old = redis.call('GET', KEYS[1]) or ''
if not alive(old, now, idle) then
  if redis.call('EXISTS', KEYS[2]) == 1 then return { 'created' } end
  return { 'gone' }
end
local data_at = 54 + tonumber(string.sub(old, 50, 53))
local old_user = string.sub(old, 54, data_at - 1)
local user = patch_user ~= '' and patch_user or old_user
local index = space .. ':u:' .. user
local evicted, dead = {}, {}
if user ~= '' then
  if redis.call('EXISTS', space .. ':d:' .. user) == 1 then return { 'disabled' } end
  evicted, dead = room(index, sessions, now, idle, cap, on_cap, old_id)
  if evicted == nil then return { 'limit' } end
end
local absolute = tonumber(string.sub(old, 14, 26))
local role = patch_role ~= '' and patch_role or string.sub(old, 48, 48)
local encoding, data = string.sub(old, 49, 49), string.sub(old, data_at)
if patch_encoding ~= '' then encoding, data = patch_encoding, patch_data end
redis.call('SET', KEYS[2], ARGV[4] .. string.sub(old, 14, 47) .. role .. encoding
  .. string.format('%04d', #user) .. user .. data, 'PX', math.min(idle, absolute - now))
redis.call('DEL', KEYS[1])
if old_user ~= '' then redis.call('ZREM', space .. ':u:' .. old_user, old_id) end
if user ~= '' then
  drop(index, sessions, dead)
  drop(index, sessions, evicted)
  register(index, new_id, absolute, now)
end
return created(evicted)
`;

/*
 * A rotation between two slots: claim the old session, create the new one in its user's slot (CREATE), and end the old
 * one. Of several rotations one has the claim. A logout, or a revocation, of the old session before the end wins.
 */
// 1 now, 2 idle, 3 owner of the claim, 4 its lifetime in ms: an owner that failed must not keep it. Returns the session,
// nothing when it has ended, 0 while another owner has the claim.
const CLAIM = `
local old = redis.call('GET', KEYS[1]) or ''
if not alive(old, tonumber(ARGV[1]), tonumber(ARGV[2])) then return false end
if not redis.call('SET', KEYS[2], ARGV[3], 'NX', 'PX', ARGV[4]) then return 0 end
return old
`;

// 1 owner
const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`;

// 1 now, 2 idle, 3 owner, 4 what precedes a user in the key of an index, 5 id. Returns the session as it ended.
const YIELD = `
local value = redis.call('GET', KEYS[1]) or ''
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return false end
redis.call('DEL', KEYS[2])
if not alive(value, tonumber(ARGV[1]), tonumber(ARGV[2])) then return false end
local user = user_of(KEYS[1], value)
redis.call('DEL', KEYS[1])
if user ~= '' then redis.call('ZREM', ARGV[4] .. user, ARGV[5]) end
return value
`;

const DESTROY = `
local header = header_of(KEYS[1])
if header == '' then return 0 end
local user = user_of(KEYS[1], header)
redis.call('DEL', KEYS[1])
if user ~= '' then redis.call('ZREM', ARGV[1] .. user, ARGV[2]) end
return alive(header, tonumber(ARGV[3]), tonumber(ARGV[4])) and 1 or 0
`;

// KEYS 2 the session
const DESTROY_LOGIN = `
local sessions, id = ARGV[1], ARGV[2]
if not redis.call('ZSCORE', KEYS[1], id) then return 0 end
local live = alive(header_of(sessions .. id), tonumber(ARGV[3]), tonumber(ARGV[4]))
drop(KEYS[1], sessions, { id })
return live and 1 or 0
`;

// KEYS 3 never exists. mark: 'disable', 'enable', or '' for a revocation only.
const REVOKE = `
local sessions, except, mark = ARGV[1], ARGV[4], ARGV[5]
if mark == 'enable' then
  redis.call('DEL', KEYS[2])
  return 0
end
local live, dead = logins_of(KEYS[1], sessions, tonumber(ARGV[2]), tonumber(ARGV[3]))
local ended = {}
for _, id in ipairs(live) do if id ~= except then ended[#ended + 1] = id end end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[2])
drop(KEYS[1], sessions, dead)
drop(KEYS[1], sessions, ended)
if mark == 'disable' then redis.call('SET', KEYS[2], '1') end
return #ended
`;

// KEYS 2 never exists
const LIST = `
local sessions, list = ARGV[1], {}
local live = logins_of(KEYS[1], sessions, tonumber(ARGV[2]), tonumber(ARGV[3]))
for _, id in ipairs(live) do
  list[#list + 1] = id
  list[#list + 1] = header_of(sessions .. id)
end
return list
`;

const script = (numberOfKeys: number, lua: string): RedisScript => ({ numberOfKeys, lua: PRELUDE + lua });

/** The scripts of the Redis backend, under the names that `RedisConnection.run` takes. */
export const SESSION_SCRIPTS = {
  createSession: script(3, CREATE),
  updateSession: script(1, UPDATE),
  touchSession: script(1, TOUCH),
  rotateSession: script(2, ROTATE),
  claimSession: script(2, CLAIM),
  releaseSession: script(1, RELEASE),
  yieldSession: script(2, YIELD),
  destroySession: script(1, DESTROY),
  destroyLogin: script(2, DESTROY_LOGIN),
  revokeUser: script(3, REVOKE),
  listUser: script(2, LIST),
} satisfies Record<string, RedisScript>;
