import type { WorkerSecond } from './job.ts';

/**
 * The messages of Locust between master and workers (locust/runners.py and locust/stats.py of 2.12): `[type, data,
 * worker]` in MessagePack over ZeroMQ. Locust's table is for looking on: it keeps two digits of a time.
 */

/** A connection to a master; only its module loads the packages for it. */
export interface LocustClient {
  /** In order, without waiting. */
  send(type: string, data?: unknown): void;
  /** What has been sent still arrives, if it can. */
  close(): Promise<void>;
}

export interface LocustAddress {
  host: string;
  port: number;
}

export interface LocustListener {
  onMessage(type: string, data: unknown): void;
  /** The connection has ended, and was not closed here. It may be called again. */
  onLost(why: string): void;
}

/** The module in the folder of the packages. */
export interface LocustModule {
  connectLocust(address: LocustAddress, id: string, listener: LocustListener): LocustClient;
}

/** The version that workers of other languages name. */
export const NO_VERSION = -1;

/** How many users of each class the master gives this worker, in all; `undefined` for what is no such message. */
export function usersIn(
  data: unknown,
): { counts: Readonly<Record<string, number>>; total: number } | undefined {
  const { user_classes_count: counts } = (data ?? {}) as { user_classes_count?: unknown };
  if (typeof counts !== 'object' || counts === null) return undefined;
  const values = Object.values(counts);
  if (!values.every((value): value is number => Number.isInteger(value))) return undefined;
  return {
    counts: counts as Record<string, number>,
    total: values.reduce((sum, value) => sum + value, 0),
  };
}

/** What one report contains of these seconds. Keys that are numbers must stay numbers: they are in Maps. */
export function statsOf(
  name: string,
  seconds: readonly WorkerSecond[],
  nowSeconds: number,
  users: Readonly<Record<string, number>>,
): object {
  const entry = entryOf(name, seconds, nowSeconds);
  return {
    stats: entry['num_requests'] === 0 && entry['num_failures'] === 0 ? [] : [entry],
    stats_total: { ...entry, name: 'Aggregated', method: '' },
    errors: errorsOf(name, entry['num_failures'] as number),
    user_classes_count: users,
    user_count: Object.values(users).reduce((sum, count) => sum + count, 0),
  };
}

function entryOf(
  name: string,
  seconds: readonly WorkerSecond[],
  nowSeconds: number,
): Record<string, unknown> {
  const sum = (of: (second: WorkerSecond) => number) => seconds.reduce((total, one) => total + of(one), 0);
  const [ok, wrong] = [sum(({ ok: count }) => count), sum(({ wrong: count }) => count)];
  const second = Math.floor(nowSeconds);
  const responseTimes = new Map<number, number>();
  let [totalMs, leastMs, mostMs] = [0, Number.POSITIVE_INFINITY, 0];
  for (const { us, count } of seconds.flatMap(({ times }) => times)) {
    const ms = us / 1000;
    totalMs += ms * count;
    leastMs = Math.min(leastMs, ms);
    mostMs = Math.max(mostMs, ms);
    responseTimes.set(rounded(ms), (responseTimes.get(rounded(ms)) ?? 0) + count);
  }
  const timed = [...responseTimes.values()].reduce((all, count) => all + count, 0);
  const requests = ok + wrong;
  return {
    name,
    method: 'session-bench',
    last_request_timestamp: requests === 0 ? null : nowSeconds,
    start_time: nowSeconds - Math.max(1, seconds.length),
    num_requests: requests,
    // Those that were lost have no time.
    num_none_requests: Math.max(0, requests - timed),
    num_failures: wrong,
    total_response_time: totalMs,
    max_response_time: mostMs,
    min_response_time: timed === 0 ? null : leastMs,
    total_content_length: sum(({ bytes }) => bytes),
    response_times: responseTimes,
    num_reqs_per_sec: new Map(requests === 0 ? [] : [[second, requests]]),
    num_fail_per_sec: new Map(wrong === 0 ? [] : [[second, wrong]]),
  };
}

function errorsOf(name: string, occurrences: number): object {
  if (occurrences === 0) return {};
  const error = 'wrong reply, or none: session-bench says which';
  return { [name]: { method: 'session-bench', name, error, occurrences } };
}

/** As Locust does: whole milliseconds below 100, two digits above. */
function rounded(ms: number): number {
  const unit = ms < 100 ? 1 : ms < 1_000 ? 10 : ms < 10_000 ? 100 : 1_000;
  return Math.round(ms / unit) * unit;
}
