import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { refusal } from '../service.ts';

/** What a run will do is done once with a key of its own: what is refused here would fail every login later. */

/** The commands of the backends. One script, so that nothing stays there whatever fails. */
const SCRIPT = `
local key = KEYS[1]
redis.call('SET', key, 'value', 'PX', 60000)
redis.call('SET', key, 'value', 'XX', 'KEEPTTL')
redis.call('PEXPIRE', key, 60000)
redis.call('SETRANGE', key, 0, redis.call('GETRANGE', key, 0, 2))
redis.call('GET', key)
redis.call('MGET', key)
redis.call('PTTL', key)
redis.call('DEL', key)
redis.call('ZADD', key, 1, 'member')
redis.call('ZSCORE', key, 'member')
redis.call('ZCARD', key)
redis.call('ZRANGE', key, 0, -1)
redis.call('ZREM', key, 'member')
redis.call('ZREMRANGEBYSCORE', key, '-inf', 1)
redis.call('DEL', key)
return redis.call('EXISTS', key)
`;

/** What helps, by the reply. */
const REMEDIES: readonly [reply: RegExp, remedy: string][] = [
  [
    /NOPERM|no permissions?|ACL failure|user executing the script/i,
    'Grant it: ACL SETUSER NAME ~sb_* +@read +@write +@scripting +@connection, or name another user.',
  ],
  [/MISCONF/, 'Free its disk, so that it can save, or redis-cli CONFIG SET stop-writes-on-bgsave-error no.'],
  [/NOREPLICAS|replicas to write/i, 'Start its replicas, or redis-cli CONFIG SET min-replicas-to-write 0.'],
  [/OOM/, 'Raise its maxmemory, or remove what fills it.'],
  [/LOADING/, 'Wait until it has loaded its data.'],
  [/READONLY/, 'Name its primary.'],
];

/** Enough for a primary with one slot in a thousand, mostly. */
const MAX_KEYS = 2_000;

async function isElsewhere(reply: Promise<unknown>): Promise<boolean> {
  try {
    await reply;
    return false;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('MOVED ')) return true;
    throw error;
  }
}

/** @throws ServiceError when it refuses what a run needs. */
export async function rehearse(redis: Redis): Promise<void> {
  const newKey = () => `sb_${randomBytes(9).toString('hex')}:rehearsal`;
  let key = newKey();
  try {
    // In a cluster many keys belong to other primaries.
    for (let tries = 0; await isElsewhere(redis.eval(SCRIPT, 1, key)); tries += 1) {
      if (tries === MAX_KEYS) return;
      key = newKey();
    }
    await redis.scan('0', 'MATCH', key, 'COUNT', 1);
    await redis.dbsize();
    await redis.unlink(key);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ReplyError') throw error;
    // Of Redis 7 the hash of the script stands behind it.
    const got = error.message.replace(/ script: [0-9a-f]{40}.*$/s, '').trim();
    const remedy =
      REMEDIES.find(([reply]) => reply.test(got))?.[1] ?? 'Correct its settings, or name another one.';
    throw refusal('to let this user read and write keys sb_*, by scripts too', `"${got}"`, remedy, error);
  }
}
