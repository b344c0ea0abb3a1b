/** Short connections of the harness to Redis; none is open during a measurement. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import {
  type Durability,
  PROBE_TIMEOUT_MS,
  refusal,
  SETTLE_TIMEOUT_MS,
  type ServiceClient,
  ServiceError,
} from '../service.ts';
import { flavourOf, inspectRedis, readInfo } from './inspect.ts';
import { socketOf } from './url.ts';

/** A silent server does not acknowledge QUIT either. */
const DISCONNECT_TIMEOUT_MS = 100;
const SETTLE_POLL_MS = 20;
const SCAN_COUNT = 1_000;

/**
 * Connects, calls `talk`, disconnects.
 * @throws ServiceError `unreachable` when nothing replies, `refused` for a wrong password; whatever `talk` throws.
 */
export async function withRedis<T>(url: string, talk: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, {
    ...socketOf(url),
    lazyConnect: true,
    connectTimeout: PROBE_TIMEOUT_MS,
    commandTimeout: PROBE_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    // Ready as soon as it is connected: a Redis that loads its data can still reply to INFO.
    enableReadyCheck: false,
  });
  // connect() rejects with "connection closed"; the event has the reason.
  let reason: Error | undefined;
  redis.on('error', (error: Error) => {
    reason ??= error;
  });
  // The driver's own limit covers the TCP handshake only, and each command after it has its own limit.
  const limit = setTimeout(() => {
    reason ??= new Error(`no reply within ${PROBE_TIMEOUT_MS} ms`);
    redis.disconnect();
  }, PROBE_TIMEOUT_MS);
  try {
    await redis.connect().catch((error: unknown) => {
      throw connectError(reason ?? error);
    });
    clearTimeout(limit);
    return await talk(redis);
  } catch (error) {
    if (isRefusal(error)) throw connectError(error);
    throw error;
  } finally {
    clearTimeout(limit);
    redis.disconnect();
  }
}

function connectError(cause: unknown): ServiceError {
  // The driver asks to report it.
  if (/Unknown RESP type|Protocol error/.test(messageOf(cause))) {
    const remedy = 'Correct its host and port; where it speaks TLS, write rediss://.';
    return refusal('to be Redis', 'a reply of another protocol', remedy, cause);
  }
  return new ServiceError(isRefusal(cause) ? 'refused' : 'unreachable', messageOf(cause), { cause });
}

function isRefusal(error: unknown): boolean {
  return /^(NOAUTH|NOPERM|WRONGPASS|DENIED)|^ERR (Client sent AUTH|AUTH )|invalid password/i.test(
    messageOf(error),
  );
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

export const redisClient: ServiceClient = {
  inspect: (url) => withRedis(url, inspectRedis),
  durabilityMatches(settings, durability) {
    const found = redisDurability(settings);
    return found === undefined ? undefined : found === durability;
  },
  /** A rewrite of the append-only file within a window would be charged to the arm that is measured then. */
  settle: (url) =>
    withRedis(url, async (redis) => {
      const deadlineMs = performance.now() + SETTLE_TIMEOUT_MS;
      for (;;) {
        const persistence = await readInfo(redis, 'persistence');
        if (persistence === undefined) return ['background saves: not known without +info'];
        if (isQuiet(persistence)) return [];
        if (performance.now() > deadlineMs)
          throw new Error(`expected no background save of Redis within ${SETTLE_TIMEOUT_MS} ms`);
        await sleep(SETTLE_POLL_MS);
      }
    }),
  dataBytes: (url) =>
    withRedis(url, async (redis) => {
      const used = (await readInfo(redis, 'memory'))?.get('used_memory');
      return used === undefined ? undefined : Number(used);
    }),
  dump: (url) => withRedis(url, dump),
  purge: (url, namespace) => withRedis(url, (redis) => purge(redis, namespace)),
  inspectProcess: (url, look) =>
    withRedis(url, async (redis) => {
      const server = await readInfo(redis, 'server');
      const pid = Number(server?.get('process_id'));
      if (server === undefined || !Number.isInteger(pid)) return undefined;
      return look({ pid, program: flavourOf(server).program, isChild: false });
    }),
};

/**
 * The durability that the settings provide: `other` is not one of the three, such as snapshots; `undefined`: unknown.
 */
export function redisDurability(
  settings: Readonly<Record<string, string>>,
): Durability | 'other' | undefined {
  const { appendonly, appendfsync, save } = settings;
  if (appendonly === undefined) return undefined;
  if (appendonly === 'no') return save === '' ? 'none' : 'other';
  return appendfsync === 'always' ? 'commit' : appendfsync === 'everysec' ? 'second' : 'other';
}

function isQuiet(persistence: ReadonlyMap<string, string>): boolean {
  const busy = [
    'aof_rewrite_in_progress',
    'aof_rewrite_scheduled',
    'rdb_bgsave_in_progress',
    'loading',
    'async_loading',
  ];
  return busy.every((key) => (persistence.get(key) ?? '0') === '0');
}

async function dump(redis: Redis): Promise<string> {
  const lines: string[] = [];
  for (const key of await redis.keys('*')) {
    const type = await redis.type(key);
    if (type === 'string') lines.push(`${key}\t${await redis.get(key)}`);
    else if (type === 'zset') {
      const members = (await redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')) as string[];
      lines.push(`${key}\t${members.join('\t')}`);
    } else if (type === 'set') lines.push(`${key}\t${(await redis.smembers(key)).join('\t')}`);
    else if (type === 'hash') lines.push(`${key}\t${JSON.stringify(await redis.hgetall(key))}`);
    else if (type === 'stream') lines.push(`${key}\t${JSON.stringify(await redis.xrange(key, '-', '+'))}`);
    else throw new Error(`expected a string, sorted set, set, hash or stream, got a ${type}`);
  }
  return lines.join('\n');
}

/** Uses SCAN, which does not block. Patterns are acceptable only here, where no request waits. */
async function purge(redis: Redis, namespace: string): Promise<void> {
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${namespace}:*`, 'COUNT', SCAN_COUNT);
    if (keys.length > 0) await redis.unlink(...keys);
    cursor = next;
  } while (cursor !== '0');
}
