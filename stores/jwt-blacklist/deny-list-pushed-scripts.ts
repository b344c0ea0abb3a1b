import {
  type Announcement,
  DENY_LIST_SCRIPTS,
  type DenyListScripts,
  denyListScripts,
  withPrelude,
} from './deny-list-redis-scripts.ts';

/**
 * In the script that denies, so that a denial is written and announced or neither. The stream's ids are times of Redis's
 * clock, so it is trimmed by that.
 */
const pushed = (longestLifeMs: number): Announcement => ({
  announce: `
local function announce(sid, forget_ms)
  local number = redis.call('INCR', space .. ':pushed')
  redis.call('ZREMRANGEBYSCORE', space .. ':denied', '-inf', now)
  redis.call('ZADD', space .. ':denied', forget_ms, sid)
  local oldest = tonumber(redis.call('TIME')[1]) * 1000 - ${longestLifeMs}
  redis.call('XADD', space .. ':denials', 'MINID', '~', oldest, '*', 'n', number, 's', sid, 'u', forget_ms)
end
`,
  announced: 'announce(sid, absolute + tolerance)',
});

// The number and the stream's id of the latest denial. XTRIM fails on a Redis that cannot trim by MINID (before 6.2).
const PLACE = `
redis.call('XTRIM', space .. ':denials', 'MINID', '~', 0)
local latest = redis.call('XREVRANGE', space .. ':denials', '+', '-', 'COUNT', 1)[1]
return { 'place', tonumber(redis.call('GET', space .. ':pushed') or 0), latest and latest[1] or '0-0' }
`;

/** Those of a list whose denials are pushed to the servers. @param longestLifeMs how long a denial is of use. */
export function pushedDenyListScripts(longestLifeMs: number): DenyListScripts {
  const scripts = withPrelude({ ...DENY_LIST_SCRIPTS, placeOfDenials: PLACE }, pushed(longestLifeMs));
  return { ...denyListScripts(), ...scripts };
}
