import { setTimeout as sleep } from 'node:timers/promises';
import { openRedis, type RedisConnection } from '../redis/connection.ts';
import { redisService } from '../redis/service.ts';
import { type OpenContext, StoreUnavailableError } from '../store.ts';
import { DENY_TOLERANCE_MS, LEASE_MS, listLost } from './deny-list.ts';
import type { DenyListScripts } from './deny-list-redis-scripts.ts';
import type { SidSet } from './sid-set.ts';

/** Follows the stream of denials into a set. */
export interface DenialTail {
  /** When the latest read was sent that left the set complete; by `performance.now()`. */
  completeMs(): number;
  /** Why the set may be incomplete: what the latest read failed with. */
  failure(): unknown;
  /** The epoch has changed: the list was lost, and this server's set with it. For good. */
  lost(): StoreUnavailableError | undefined;
  /** Resolves once the set has this denial, or after {@link LEASE_MS}, when it is refused for want of a lease. */
  reached(number: number): Promise<void>;
  close(): Promise<void>;
}

/** Seams through which a test plants faults. */
export interface TailParts {
  scripts: DenyListScripts;
  /** Loads the snapshot; `mark` notes the place in the stream from which to follow. */
  load?: (mark: () => Promise<void>, snapshot: () => Promise<void>) => Promise<void>;
}

/** At most a third of the lease, so that a read may fail or come late without a refusal. */
const BLOCK_MS = LEASE_MS / 6;
/** A stream is read, and the snapshot loaded, in portions: another client's command waits for each. */
const PORTION = 1_000;
const RETRY_MS = 20;

/**
 * Connects, loads the snapshot and reads the stream up to its end. The place in the stream is noted before the snapshot
 * is loaded, so that no denial falls between the two. The connection is its own: a command behind a read that blocks
 * waits for it.
 *
 * A read leaves the set complete when it ends with the latest number: the numbers have no gap, so a stream that was
 * trimmed, recreated or rolled back by a crash shows, and the snapshot is loaded again. So it is after every
 * reconnection, for that may be to another run of Redis. The epoch is read after the stream: had it been lost before
 * that, the read would prove nothing.
 *
 * @throws StoreUnavailableError when it cannot be opened; whatever the first read fails with.
 */
export async function followDenials(
  context: OpenContext,
  epoch: string,
  set: SidSet,
  { scripts, load = markThenLoad }: TailParts,
): Promise<DenialTail> {
  const connection = await openRedis(context, scripts, LEASE_MS);
  const { client } = connection;
  const { namespace } = context;
  const [epochKey, stream] = [`${namespace}:epoch`, `${namespace}:denials`];
  let [number, id] = [0, '0-0'];
  let completeMs = Number.NEGATIVE_INFINITY;
  let connections = 0;
  let placedOn: number | undefined;
  let atEnd = false;
  let isClosed = false;
  let failure: unknown;
  let lost: StoreUnavailableError | undefined;
  let waiting: { number: number; timer: NodeJS.Timeout; resolve: () => void }[] = [];
  client.on('close', () => {
    connections += 1;
  });

  async function mark(): Promise<void> {
    const args = [namespace, epoch, Math.floor(context.now()), DENY_TOLERANCE_MS];
    const keys = [epochKey, `${namespace}:absent`];
    const reply = (await connection.run('mark', 'placeOfDenials', ...keys, ...args)) as unknown[];
    if (reply[0] === 'lost') loseList(reply[1]);
    [number, id] = [Number(reply[1]), String(reply[2])];
  }

  function loseList(got: unknown): never {
    lost = listLost('follow', redisService.name, epoch, got);
    throw lost;
  }

  /** The next read loads the snapshot first. */
  function misplace(): void {
    placedOn = undefined;
  }

  function wake(): void {
    const arrived = waiting.filter((one) => one.number <= number);
    if (arrived.length === 0) return;
    waiting = waiting.filter((one) => one.number > number);
    for (const { timer, resolve } of arrived) {
      clearTimeout(timer);
      resolve();
    }
  }

  async function place(): Promise<void> {
    const current = connections;
    atEnd = false;
    await load(mark, () => loadSnapshot(connection, `${namespace}:denied`, set));
    placedOn = current;
  }

  /** One read, which waits for a denial where the last one reached the end. */
  async function read(): Promise<void> {
    const sentMs = performance.now();
    const [portion, [foundEpoch, latest]] = await ask(connection, stream, id, atEnd, [
      epochKey,
      `${namespace}:pushed`,
    ]);
    if (foundEpoch !== epoch) loseList(foundEpoch);
    for (const [entryId, [, entryNumber, , sid = '', , until]] of portion) {
      if (Number(entryNumber) !== number + 1) return misplace();
      set.add(sid, Number(until));
      [number, id] = [number + 1, entryId];
    }
    const rest = Number(latest ?? 0) - number;
    // Without a wait, and less than a portion: the stream itself lacks what was written.
    const isMissing = rest > 0 && !atEnd && portion.length < PORTION;
    if (rest < 0 || isMissing) return misplace();
    if (rest === 0) completeMs = sentMs;
    // After a pause, such as of a frozen process, a read that waits would leave the lease expired meanwhile.
    atEnd = rest === 0 && performance.now() - sentMs < 2 * BLOCK_MS;
    wake();
    set.sweep(context.now());
  }

  async function follow(): Promise<void> {
    while (!isClosed && lost === undefined) {
      try {
        if (placedOn !== connections) await place();
        await read();
        failure = undefined;
      } catch (error) {
        [failure, atEnd] = [error, false];
        if (lost === undefined) await sleep(RETRY_MS);
      }
    }
  }

  try {
    while (completeMs < 0) {
      if (placedOn !== connections) await place();
      await read();
    }
  } catch (error) {
    await connection.close();
    throw error;
  }
  const following = follow();
  return {
    completeMs: () => completeMs,
    failure: () => failure,
    lost: () => lost,
    reached: (wanted) =>
      new Promise((resolve) => {
        if (number >= wanted) return resolve();
        const timer = setTimeout(resolve, LEASE_MS);
        waiting.push({ number: wanted, timer, resolve });
      }),
    async close() {
      isClosed = true;
      // A read that waits would delay QUIT.
      client.disconnect();
      await following;
    },
  };
}

async function markThenLoad(mark: () => Promise<void>, snapshot: () => Promise<void>): Promise<void> {
  await mark();
  await snapshot();
}

/** Adds what is in the snapshot. ZSCAN returns all that is there from beginning to end; the rest is in the stream. */
async function loadSnapshot({ client, ask }: RedisConnection, key: string, set: SidSet): Promise<void> {
  let cursor = '0';
  do {
    const [next, flat] = await ask('load', client.zscan(key, cursor, 'COUNT', PORTION));
    for (let index = 0; index < flat.length; index += 2)
      set.add(flat[index] as string, Number(flat[index + 1]));
    cursor = next;
  } while (cursor !== '0');
}

type Entry = [id: string, fields: string[]];
type Reply = [portion: readonly Entry[], after: (string | null)[]];

/** A portion of the stream after `id`, and then, in this order, some keys; at one moment, unless it waits. */
async function ask(
  { client }: RedisConnection,
  stream: string,
  id: string,
  waits: boolean,
  keys: string[],
): Promise<Reply> {
  if (waits) {
    const [entries, after] = await Promise.all([
      client.xread('COUNT', PORTION, 'BLOCK', BLOCK_MS, 'STREAMS', stream, id),
      client.mget(keys),
    ]).catch(failed);
    return [entries?.[0]?.[1] ?? [], after];
  }
  const replies = await client
    .multi()
    .xread('COUNT', PORTION, 'STREAMS', stream, id)
    .mget(keys)
    .exec()
    .catch(failed);
  const values = (replies ?? []).map(([error, value]) => (error === null ? value : failed(error)));
  return [(values[0] as [string, Entry[]][] | null)?.[0]?.[1] ?? [], values[1] as (string | null)[]];
}

function failed(cause: unknown): never {
  throw new StoreUnavailableError('follow', cause);
}
