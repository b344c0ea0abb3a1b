/** Short connections of the harness to Memcached; none is open during a measurement. */

import { setTimeout as sleep } from 'node:timers/promises';
import { PROBE_TIMEOUT_MS, SETTLE_TIMEOUT_MS, type ServiceClient, ServiceError } from '../service.ts';
import { get, RefusedError, remove, stats } from './commands.ts';
import { inspectMemcached } from './inspect.ts';
import { type Link, LoginError, openLink } from './link.ts';

const LIMITS = { connectMs: PROBE_TIMEOUT_MS, commandMs: PROBE_TIMEOUT_MS, silenceMs: 2 * PROBE_TIMEOUT_MS };
/** A walk over all keys may take longer than a command, and waits for another one. */
const WALK_LIMITS = { ...LIMITS, commandMs: SETTLE_TIMEOUT_MS, silenceMs: SETTLE_TIMEOUT_MS };
const SETTLE_POLL_MS = 20;
/** Items that are asked for, or removed, at a time. */
const BATCH = 500;

/**
 * Connects, calls `talk`, disconnects.
 * @throws ServiceError `unreachable` when nothing replies, `refused` for a wrong password; whatever `talk` throws.
 */
export async function withMemcached<T>(
  url: string,
  talk: (link: Link) => Promise<T>,
  limits = LIMITS,
): Promise<T> {
  let link: Link;
  try {
    link = await openLink(url, limits);
  } catch (cause) {
    const kind = cause instanceof LoginError ? 'refused' : 'unreachable';
    throw new ServiceError(kind, cause instanceof Error ? cause.message : String(cause), { cause });
  }
  try {
    return await talk(link);
  } finally {
    await link.close();
  }
}

export const memcachedClient: ServiceClient = {
  inspect: (url, connections) => withMemcached(url, (link) => inspectMemcached(link, connections)),
  durabilityMatches: (_settings, durability) => durability === 'none',
  /** A hash table that grows, or pages that move, within a window would be charged to the arm that is measured then. */
  settle: (url) =>
    withMemcached(url, async (link) => {
      const deadlineMs = performance.now() + SETTLE_TIMEOUT_MS;
      for (;;) {
        const figures = await stats(link);
        const isBusy = ['hash_is_expanding', 'slab_reassign_running'].some(
          (name) => (figures.get(name) ?? '0') !== '0',
        );
        if (!isBusy) return [];
        if (performance.now() > deadlineMs)
          throw new Error(`expected Memcached at rest within ${SETTLE_TIMEOUT_MS} ms`);
        await sleep(SETTLE_POLL_MS);
      }
    }),
  dataBytes: (url) =>
    withMemcached(url, async (link) => {
      const used = (await stats(link)).get('bytes');
      return used === undefined ? undefined : Number(used);
    }),
  dump: (url) =>
    withMemcached(
      url,
      async (link) => {
        const lines = await inBatches(await keysOf(link), async (key) => `${key}\t${await get(link, key)}`);
        return lines.join('\n');
      },
      WALK_LIMITS,
    ),
  purge: (url, namespace) =>
    withMemcached(
      url,
      async (link) => {
        const keys = await keysOf(link);
        await inBatches(
          keys.filter((key) => key.startsWith(`${namespace}:`)),
          (key) => remove(link, key),
        );
      },
      WALK_LIMITS,
    ),
  inspectProcess: (url, look) =>
    withMemcached(url, async (link) => {
      const pid = Number((await stats(link)).get('pid'));
      return Number.isInteger(pid) ? look({ pid, program: 'memcached', isChild: false }) : undefined;
    }),
};

/**
 * Every key. A walk over `all` would leave out items that are in use at that moment. One walk runs at a time in a server:
 * while another does, it replies BUSY.
 */
async function keysOf(link: Link): Promise<string[]> {
  const deadlineMs = performance.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const lines = await link.askLines('lru_crawler metadump hash\r\n');
    const [first] = lines;
    if (first !== undefined && /ERROR$/.test(first.code)) throw new RefusedError(first);
    if (first?.code !== 'BUSY') {
      return lines.flatMap(({ code }) => {
        const key = /^key=(.+)$/.exec(code)?.[1];
        return key === undefined ? [] : [decodeURIComponent(key)];
      });
    }
    if (performance.now() > deadlineMs) throw new RefusedError(first);
    await sleep(SETTLE_POLL_MS);
  }
}

async function inBatches<T>(keys: readonly string[], act: (key: string) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let at = 0; at < keys.length; at += BATCH)
    results.push(...(await Promise.all(keys.slice(at, at + BATCH).map(act))));
  return results;
}
