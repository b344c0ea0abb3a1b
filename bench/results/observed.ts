/** What is known about a measured trial beside the replies: readings of its processes and its host. Types only. */

import type { FaultEvent } from './series.ts';

/** Readings of the trial's processes and of the host; `undefined` where something does not exist or cannot be read. */
export interface Observed {
  /** Sum of the trial's own slices, each until its last reply; the whole window when it was not sliced. */
  windowSeconds: number;
  /** CPU time for the trial's own slices by role, nanoseconds, without the idle use of the processes. */
  cpuNs: Record<'server' | 'balancer' | 'store', number | undefined>;
  /** Through the relay of `--store-distance`: round trips in the trial's own slices, and its CPU; absent without one. */
  distance?: { roundTripsUs: readonly number[]; relayNs: number | undefined } | undefined;
  /** CPU of the busiest single server, measured alike. */
  busiestServerNs: number | undefined;
  /** Busy time of all processors in the trial's own slices, without the generator's polling for nothing. */
  machineBusyNs: number | undefined;
  /** Round trips of all servers to the service. */
  roundTrips: number | undefined;
  /** What inner services received and sent over HTTP; absent without any. */
  innerBytes?: number | undefined;
  rssServerBytes: number | undefined;
  rssStoreBytes: number | undefined;
  /** CPU of servers, balancer and service per second without load; already subtracted. */
  idleCpuNsPerSecond: number | undefined;
  /** Time for which the control group was throttled in the trial's own slices. */
  throttledNs: number | undefined;
  /** Event-loop delay, 99th percentile, of the server with the maximum; whole microseconds. */
  loopDelayP99Us: number | undefined;
  /** Time in garbage collection, all servers together. */
  gcNs: number | undefined;
  /** Turns of the event loop, all servers together. */
  loopTurns?: number | undefined;
  /** How the threads of servers and service got on a processor, from the first slice to the end of the last. */
  scheduling?:
    | Record<'serverMainNs' | 'serverWaitNs' | 'serverWakeUps' | 'storeWakeUps', number | undefined>
    | undefined;
  /** Memory of the sessions in all servers, and growth of the service's data; absent where their number changed. */
  held?: { serverBytes: number | undefined; storeBytes: number | undefined } | undefined;
  /** Use of the caches of verified tokens in the window, all servers together; absent without one. */
  verifyCache?: { hits: number; misses: number; distinctTokens: number } | undefined;
  /** Renewals of idle expiries, all servers together. */
  touches?: number | undefined;
  /** Over the measured part of the whole block, all arms: shares of all processors' time, from 0 to 1. */
  host: { stealShare: number | undefined; foreignShare: number | undefined };
  /**
   * CPU of the processes that run elsewhere, from exporters (`--cpu-from`), nanoseconds; absent without one. `ns` is
   * `undefined` where it is not known, which `notes` explain.
   */
  elsewhere?:
    | { role: 'server' | 'store'; from: string; ns: number | undefined; notes: readonly string[] }
    | undefined;
  /**
   * For each slice the requests that were due and not yet sent when its last one became due; zeros in a closed loop.
   */
  backlogEnds: readonly number[];
  /**
   * For each slice the requests that were due and without a reply then, sent or not; absent where it is not counted.
   */
  outstandingEnds?: readonly number[];
  /** How the warm-up ended; absent without one. */
  warmth?: Warmth | undefined;
  /** What was done to the site under load, in the order of time; scenario failure only. */
  events?: readonly FaultEvent[];
  /** Change of CPU per request from the first to the last measured slice, per cent, significant or not. */
  measuredTrendPct?: number | undefined;
  /** Only where sessions expired. */
  expiry?: Expiry | undefined;
}

/** What was seen of sessions that expired in the measured time. */
export interface Expiry {
  /** Whether there is a slice before the first of them expired, and whether the last did before the end. */
  hasTimeBefore: boolean;
  hasAllExpired: boolean;
  /** Over the slices before the first expiry, and over those from then on; `undefined` with too few samples. */
  p99BeforeUs: number | undefined;
  p99InUs: number | undefined;
  /** CPU from the first expiry on, beyond what as many requests cost before. */
  extraUs: Record<'server' | 'store', number | undefined>;
  /** By how much memory and data grew as they were made, and by how much they shrank until the end. */
  held: Record<'serverBytes' | 'storeBytes', number | undefined>;
  freed: Record<'serverBytes' | 'storeBytes', number | undefined>;
  /** What the store still holds at the end of what it counted of them, from 0 to 1. */
  leftShare: number | undefined;
  /** From the last expiry until that count last fell. */
  sweptSeconds: number | undefined;
}

/** How an arm's warm-up ended. */
export interface Warmth {
  /**
   * `warm`: enough requests, and CPU per request shown to be even. `unproven`: enough requests and no trend, but too
   * much noise to show that it is even. `cold`: too few requests, or a trend.
   */
  state: 'warm' | 'unproven' | 'cold';
  /** Load of this arm before the measurement. */
  seconds: number;
  requestsPerServer: number;
  /** Change of CPU per request over the last windows, per cent, significant or not; `undefined` with too few. */
  trendPct: number | undefined;
  /** No change that is significant and matters; true where it was not examined. */
  steady: boolean;
}

/** The traits' predictions for this trial, and the limits of its parts. */
export interface Expectation {
  /** Share of reads that miss by design: sessions are in one server only, and requests go to all. */
  missShare: number;
  /** Processors that the service can use: Redis one, Postgres any number. */
  storeCores: number;
  /** Processors that servers and service may use together. */
  systemCores: number;
  /** Lifetime of a token in the revocation scenario. */
  tokenLifetimeSeconds: number;
  /** Requests per second that the generator reaches against the null server; open loop only. */
  nullServerRps: number | undefined;
}
