/** Short conversations of the harness with Redis: no connection of ours is open during a measurement. */

import { Redis } from 'ioredis';
import { type BenchError, messageOf } from '../../errors.ts';
import { PROBE_TIMEOUT_MS, refusedError, unreachableError } from './service.ts';

/** A server that says nothing does not say goodbye either. */
const DISCONNECT_TIMEOUT_MS = 100;

/**
 * Connects, talks, disconnects.
 * @throws BenchError SERVICE_UNREACHABLE when nobody answers, SERVICE_REFUSED when Redis wants another
 * password; what `talk` throws.
 */
export async function withRedis<T>(url: string, talk: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: PROBE_TIMEOUT_MS,
    commandTimeout: PROBE_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    // Ready as soon as it is connected: a Redis that loads its data may still be asked about itself.
    enableReadyCheck: false,
  });
  // connect() only says that the connection was closed; why, the event knows.
  let reason: Error | undefined;
  redis.on('error', (error: Error) => {
    reason ??= error;
  });
  // The driver's own limit ends with the TCP handshake, and each word after it has another one.
  const limit = setTimeout(() => {
    reason ??= new Error(`no answer within ${PROBE_TIMEOUT_MS} ms`);
    redis.disconnect();
  }, PROBE_TIMEOUT_MS);
  try {
    await redis.connect().catch((error: unknown) => {
      throw connectError(url, reason ?? error);
    });
    clearTimeout(limit);
    return await talk(redis);
  } catch (error) {
    if (isRefusal(error)) throw connectError(url, error);
    throw error;
  } finally {
    clearTimeout(limit);
    redis.disconnect();
  }
}

function connectError(url: string, cause: unknown): BenchError {
  return isRefusal(cause)
    ? refusedError('redis', url, messageOf(cause), cause)
    : unreachableError('redis', url, messageOf(cause), cause);
}

function isRefusal(error: unknown): boolean {
  return /^(NOAUTH|NOPERM|WRONGPASS|DENIED)|^ERR (Client sent AUTH|AUTH )|invalid password/i.test(
    messageOf(error),
  );
}

const TOLD_SETTINGS = [
  'appendonly',
  'appendfsync',
  'save',
  'maxmemory',
  'maxmemory-policy',
  'io-threads',
  'auto-aof-rewrite-percentage',
];

/** The settings that matter; empty when CONFIG is forbidden, as managed services do. */
export async function readRedisSettings(redis: Redis): Promise<Record<string, string>> {
  try {
    const pairs = (await redis.config('GET', ...TOLD_SETTINGS)) as string[];
    return Object.fromEntries(pairs.flatMap((key, at) => (at % 2 === 0 ? [[key, pairs[at + 1] ?? '']] : [])));
  } catch (error) {
    if (/^(NOPERM|ERR unknown command)/i.test(messageOf(error))) return {};
    throw error;
  }
}

/** Sections of INFO as a map: `redis_version`, `process_id`, `aof_rewrite_in_progress`, … */
export async function readRedisInfo(
  redis: Redis,
  section: 'server' | 'persistence' | 'memory',
): Promise<Map<string, string>> {
  const text = await redis.info(section);
  return new Map(text.split(/\r?\n/).map((line) => line.split(/:(.*)/s).slice(0, 2) as [string, string]));
}
