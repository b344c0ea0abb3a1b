/** Short connections of the harness to Redis; none is open during a measurement. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type Durability, SETTLE_TIMEOUT_MS, type ServiceClient, type ServiceProcess } from '../service.ts';
import { addressesOf, isClusterNode, nodesOf } from './cluster.ts';
import { readInfo } from './info.ts';
import { flavourOf, inspectRedis } from './inspect.ts';
import { inspectCluster } from './inspect-cluster.ts';
import { limitRoom } from './room.ts';
import { onPrimaries, withNode, withRedis } from './short-connection.ts';

const SETTLE_POLL_MS = 20;
const SCAN_COUNT = 1_000;

export const redisClient: ServiceClient = {
  inspect: (url) =>
    withRedis(url, async (redis) => {
      if (!(await isClusterNode(redis))) return inspectRedis(redis);
      return inspectCluster(redis, (place, talk) => withNode(redis, place, talk), inspectRedis);
    }),
  durabilityMatches(settings, durability) {
    const found = redisDurability(settings);
    return found === undefined ? undefined : found === durability;
  },
  /** A rewrite of the append-only file within a window would be charged to the arm that is measured then. */
  settle: async (url) => [...new Set((await onPrimaries(url, settle)).flat())],
  async dataBytes(url) {
    const sizes = await onPrimaries(url, async (redis) =>
      (await readInfo(redis, 'memory'))?.get('used_memory'),
    );
    return sizes.reduce<number | undefined>(
      (sum, size) => (sum === undefined || size === undefined ? undefined : sum + Number(size)),
      0,
    );
  },
  dump: async (url) => (await onPrimaries(url, dump)).join('\n'),
  async purge(url, namespace) {
    await onPrimaries(url, (redis, isCluster) => purge(redis, namespace, isCluster));
  },
  async limitRoom(url, whenFull) {
    await onPrimaries(url, (redis) => limitRoom(redis, whenFull));
  },
  inspectProcess: (url, look) =>
    withRedis(url, async (redis) => {
      const serving = await processOf(redis);
      if (serving === undefined) return undefined;
      if (!(await isClusterNode(redis))) return look(serving);
      const nodes: ServiceProcess[] = [];
      for (const place of addressesOf(await nodesOf(redis))) {
        const found = isLoopback(place.host) ? await withNode(redis, place, processOf) : undefined;
        if (found === undefined) return undefined;
        nodes.push(found);
      }
      return look({ ...serving, others: nodes.map(({ pid }) => pid).filter((pid) => pid !== serving.pid) });
    }),
};

/** Of a primary that Sentinels name, only if it runs on this machine. */
async function processOf(redis: Redis): Promise<ServiceProcess | undefined> {
  if (redis.options.sentinels != null && !isLoopback(redis.stream.remoteAddress)) return undefined;
  const server = await readInfo(redis, 'server');
  const pid = Number(server?.get('process_id'));
  if (server === undefined || !Number.isInteger(pid)) return undefined;
  return { pid, program: flavourOf(server).program, isChild: false };
}

const isLoopback = (host: string | undefined) => host !== undefined && /^(127\.|::1$|localhost$)/.test(host);

async function settle(redis: Redis): Promise<string[]> {
  const deadlineMs = performance.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const persistence = await readInfo(redis, 'persistence');
    if (persistence === undefined) return ['background saves: not known without +info'];
    if (isQuiet(persistence)) return [];
    if (performance.now() > deadlineMs)
      throw new Error(`expected no background save of Redis within ${SETTLE_TIMEOUT_MS} ms`);
    await sleep(SETTLE_POLL_MS);
  }
}

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
async function purge(redis: Redis, namespace: string, isCluster: boolean): Promise<void> {
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${namespace}:*`, 'COUNT', SCAN_COUNT);
    // Of a cluster a command may only name keys of one slot.
    if (isCluster) await Promise.all(keys.map((key) => redis.unlink(key)));
    else if (keys.length > 0) await redis.unlink(...keys);
    cursor = next;
  } while (cursor !== '0');
}
