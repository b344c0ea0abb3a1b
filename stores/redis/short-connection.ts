/** Short connections to a service that runs, and what their errors mean. */

import { Redis, type RedisOptions } from 'ioredis';
import { PROBE_TIMEOUT_MS, refusal, ServiceError } from '../service.ts';
import { credentialsOf, isClusterNode, nodesOf, primaryAddresses } from './cluster.ts';
import { addressOf } from './url.ts';

type Talk<T> = (redis: Redis) => Promise<T>;

/** A silent server does not acknowledge QUIT either. */
const DISCONNECT_TIMEOUT_MS = 100;

const LIMITS = {
  lazyConnect: true,
  connectTimeout: PROBE_TIMEOUT_MS,
  commandTimeout: PROBE_TIMEOUT_MS,
  sentinelCommandTimeout: PROBE_TIMEOUT_MS,
  disconnectTimeout: DISCONNECT_TIMEOUT_MS,
  maxRetriesPerRequest: 0,
  retryStrategy: () => null,
  // Ready as soon as it is connected: a Redis that loads its data can still reply to INFO.
  enableReadyCheck: false,
} satisfies RedisOptions;

/**
 * Connects, calls `talk`, disconnects. Where a URL names Sentinels, with the primary that they name.
 * @throws ServiceError `unreachable` when nothing replies, `refused` for a wrong password; whatever `talk` throws.
 */
export function withRedis<T>(url: string, talk: Talk<T>): Promise<T> {
  const { url: own, options } = addressOf(url);
  return hold(
    own === undefined ? new Redis({ ...options, ...LIMITS }) : new Redis(own, { ...options, ...LIMITS }),
    talk,
  );
}

/** As {@link withRedis}, with another node of a cluster, by the rights of this connection. */
export function withNode<T>(redis: Redis, place: { host: string; port: number }, talk: Talk<T>): Promise<T> {
  return hold(new Redis({ ...credentialsOf(redis), ...place, ...LIMITS }), talk);
}

/** Calls `talk` with each primary of a cluster, one after the other, or with the one Redis. */
export function onPrimaries<T>(
  url: string,
  talk: (redis: Redis, isCluster: boolean) => Promise<T>,
): Promise<T[]> {
  return withRedis(url, async (redis) => {
    if (!(await isClusterNode(redis))) return [await talk(redis, false)];
    const results: T[] = [];
    for (const place of primaryAddresses(await nodesOf(redis)))
      results.push(await withNode(redis, place, (node) => talk(node, true)));
    return results;
  });
}

async function hold<T>(redis: Redis, talk: Talk<T>): Promise<T> {
  // connect() rejects with "connection closed"; the event has the reason.
  let reason: Error | undefined;
  redis.on('error', (error: Error) => {
    reason ??= error;
  });
  redis.on('sentinelError', (error: Error) => {
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
  if (/^failed to connect to sentinel .*ERR unknown command/is.test(messageOf(cause))) {
    return refusal('to be a Sentinel', 'another service', 'Write redis://HOST:PORT for Redis itself.', cause);
  }
  if (/^connected to sentinel .* invalid reply: null|No such master with that name/s.test(messageOf(cause))) {
    const remedy = 'Correct the path of the URL; SENTINEL MASTERS shows the names.';
    return refusal('to watch a primary of this name', 'Sentinels that watch none', remedy, cause);
  }
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
