/** What a server reports about itself over IPC. */

import { monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { SessionStore, VerifyCacheStats } from '../stores/store.ts';
import type { Clock } from './clock.ts';

/** The reply to the IPC message `{ type: 'stats' }`. Servers of older commits report only the round trips. */
export interface StatsMessage {
  type: 'stats';
  /** Round trips to the service since the start; absent where a module of the user's makes them. */
  roundTrips?: number;
  /** Event loop delay, 99th percentile since the last such message, microseconds; absent within 200 ms of it. */
  loopDelayP99Us?: number;
  /** Time in garbage collection on the main thread since the start, nanoseconds. */
  gcNs?: number;
  /** Turns of the event loop since the start. */
  loopTurns?: number;
  /** Memory of the sessions in this process; only in the reply to {@link StatsRequest.weigh}. */
  sessionBytes?: number;
  /** What an inner service has received and sent over HTTP since the start; absent for others. */
  innerBytes?: number;
  /** Counters of the cache of verified tokens since the start; absent without a cache. */
  verifyCache?: VerifyCacheStats;
  /** Renewals of idle expiries since the start; absent where a library or a module of the user's makes them. */
  touches?: number;
  /** What the store holds, sessions and what it counts with them; only in the reply to {@link StatsRequest.count}. */
  sessions?: number;
}

/** The request for a {@link StatsMessage}. */
export interface StatsRequest {
  type: 'stats';
  /** Ends all sessions that this process holds, to measure their memory. Only after the load. */
  weigh?: true;
  /** Asks the store how many sessions it holds, and for nothing else. */
  count?: true;
}

/**
 * Interval of the event loop samples, in milliseconds. Each sample wakes an idle server for some 30 µs: at 20 ms those
 * of a run with fifteen servers took 1 % of two processors from the measured one, at 100 ms a sixth of that.
 */
const RESOLUTION_MS = 100;

const SWEEP_LIMIT = 100_000;

/**
 * Starts to observe this process, and returns a function that builds the message. Under load it costs some 0.3 % of a
 * server's CPU: 125 µs for each garbage collection, of which there is one in 900 requests of 55 µs on the control (Node
 * 20), and 0.04 µs a request for the loop.
 */
export function watchProcess(
  store: Pick<SessionStore, 'verifyCacheStats'> & {
    roundTrips(): number | undefined;
    innerBytes?: (() => number) | undefined;
    touches?(): number;
  },
): () => StatsMessage {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let gcMs = 0;
  const count = (entries: readonly { duration: number }[]): void => {
    for (const { duration } of entries) gcMs += duration;
  };
  const observer = new PerformanceObserver((list) => count(list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  return () => {
    count(observer.takeRecords());
    // The histogram holds the time between two samples; without delay that is the resolution itself.
    const lateNs = delay.percentile(99) - RESOLUTION_MS * 1e6;
    const isKnown = delay.count > 0;
    delay.reset();
    const roundTrips = store.roundTrips();
    return {
      type: 'stats',
      ...(roundTrips === undefined ? {} : { roundTrips }),
      ...(isKnown ? { loopDelayP99Us: Math.max(0, Math.round(lateNs / 1000)) } : {}),
      gcNs: Math.round(gcMs * 1e6),
      loopTurns: performance.nodeTiming.uvMetricsInfo.loopCount,
      ...(store.innerBytes === undefined ? {} : { innerBytes: store.innerBytes() }),
      ...(store.verifyCacheStats === undefined ? {} : { verifyCache: store.verifyCacheStats() }),
      ...(store.touches === undefined ? {} : { touches: store.touches() }),
    };
  };
}

/** The store, and how often it has been asked to renew an idle expiry. */
export function countTouches(store: SessionStore): { store: SessionStore; touches(): number } {
  let touches = 0;
  const counted: SessionStore = {
    ...store,
    touch(token) {
      touches += 1;
      return store.touch(token);
    },
  };
  return { store: counted, touches: () => touches };
}

/**
 * Bytes of heap and buffers that the sessions of this process hold: live bytes before and after all of them have
 * expired and were swept. Nothing else differs between the two, neither code nor connections.
 * @param sweep of the store, where the sessions are in this process; about 0 bytes without it.
 */
export async function measureSessionBytes(
  sweep: SessionStore['sweep'],
  clock: Clock,
  absoluteSeconds: number,
): Promise<number> {
  const before = measureLiveBytes();
  if (sweep !== undefined) {
    clock.setOffset(2 * absoluteSeconds * 1000);
    while ((await sweep(SWEEP_LIMIT)) > 0);
  }
  return before - measureLiveBytes();
}

/** Heap after garbage collection, and the buffers outside it. */
function measureLiveBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // A second collection frees what the first found only weakly held.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
