import { type DenyListScripts, denyListScripts, withPrelude } from './deny-list-redis-scripts.ts';

/*
 * The scripts of a list that ends the logins of a user together, by raising the user's generation. The index of logins
 * is the list's own. An anonymous session has no user, so its sid is denied as elsewhere.
 */
const GENERATIONS = `
local function generation_key(user) return space .. ':gen:' .. user end
local function generation_of(user) return tonumber(redis.call('GET', generation_key(user)) or 0) end

-- Ends all logins of a user. Begins with a command that needs no memory, so that a full Redis still accepts it.
local function end_all(user)
  for _, sid in ipairs(redis.call('ZRANGE', index_of(user), 0, -1)) do redis.call('DEL', login_of(sid)) end
  redis.call('DEL', index_of(user))
  redis.call('INCR', generation_key(user))
end

-- Registers a login, if nothing has ended those of its user since. To make room, all others end, so it has moved.
local function begin(sid, user, created, idle, absolute, cap, on_cap, generation)
  if is_disabled(user) then return { 'disabled' } end
  if generation ~= generation_of(user) then return { 'moved' } end
  local evicted = room(user, cap, on_cap, nil)
  if evicted == nil then return { 'limit' } end
  if #evicted == 0 then return admit(sid, user, created, idle, absolute, evicted) end
  end_all(user)
  return { 'moved' }
end
`;

// 5 to 11 as in ADMIT, 12 generation
const ADMIT = `
if redis.call('EXISTS', login_of(ARGV[5])) == 1 then return { 'admitted' } end
return begin(ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[10]), ARGV[11], tonumber(ARGV[12]))
`;

// 5 to 11 as in ADMIT, of the new login, 12 its generation; 13 old sid, 14 old user, 15 old absolute expiry, 16 old
// generation. A login that rotates ends with all others of its user; the new one has the next generation.
const ROTATE = `
local user, old, old_user = ARGV[6], ARGV[13], ARGV[14]
if old_user == '' then
  if is_denied(old) then return { 'gone' } end
elseif tonumber(ARGV[16]) ~= generation_of(old_user) then return { 'gone' } end
if user ~= '' and is_disabled(user) then return { 'disabled' } end
if old_user ~= '' then
  if user ~= old_user and tonumber(ARGV[12]) ~= generation_of(user) then return { 'moved' } end
  end_all(old_user)
end
local reply = { 'admitted' }
if user ~= '' then
  reply = begin(ARGV[5], user, ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[10]), ARGV[11], tonumber(ARGV[12]))
end
if old_user == '' and reply[1] == 'admitted' then deny(old, '', tonumber(ARGV[15])) end
return reply
`;

// 5 sid, 6 user or '', 7 absolute expiry, 8 generation
const DENY = `
local user = ARGV[6]
if user == '' then return deny(ARGV[5], user, tonumber(ARGV[7])) end
if tonumber(ARGV[8]) ~= generation_of(user) then return 0 end
end_all(user)
return 1
`;

// 5 sid, 6 idle expiry, 7 user or '', 8 generation. Never shortened, as elsewhere.
const EXTEND = `
local user = ARGV[7]
if user == '' then return is_denied(ARGV[5]) and 0 or 1 end
if tonumber(ARGV[8]) ~= generation_of(user) then return 0 end
extend(ARGV[5], ARGV[6])
return 1
`;

// 5 user, 6 sid
const DENY_LOGIN = `
if not redis.call('ZSCORE', index_of(ARGV[5]), ARGV[6]) or not is_live(ARGV[6]) then return 0 end
end_all(ARGV[5])
return 1
`;

// 5 user, 6 sid excepted or '', 7 'disable', 'enable' or ''. Where there is no other login than the excepted, it stays:
// so it may rotate, which ends the others, and then except itself.
const DENY_USER = `
local user, except, mark = ARGV[5], ARGV[6], ARGV[7]
if mark == 'enable' then
  redis.call('DEL', space .. ':disabled:' .. user)
  return 0
end
local live, idle = logins_of(user)
local ended, isThere = 0, false
for _, login in ipairs(live) do
  if login[1] == except then isThere = true else ended = ended + 1 end
end
if isThere and ended == 0 and #idle == 0 then return 0 end
end_all(user)
if mark == 'disable' then redis.call('SET', space .. ':disabled:' .. user, '1') end
return ended
`;

const SCRIPTS = {
  admitGeneration: ADMIT,
  rotateGeneration: ROTATE,
  denyGeneration: DENY,
  extendGeneration: EXTEND,
  denyLogin: DENY_LOGIN,
  denyUser: DENY_USER,
};

/** The scripts of such a list, under the names that `RedisConnection.run` takes. */
export function generationScripts(): DenyListScripts {
  const entries = Object.entries(SCRIPTS).map(([name, lua]) => [name, GENERATIONS + lua]);
  return { ...denyListScripts(), ...withPrelude(Object.fromEntries(entries)) };
}
