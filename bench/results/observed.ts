/** What is known of a measured trial beside the replies: readings of its processes and its host. Types only. */

/** What was read of the trial's processes and of the host; `undefined` where something does not exist or cannot be read. */
export interface Observed {
  /** Sum of the trial's own slices, each to its last reply; the whole window when it was not sliced. */
  windowSeconds: number;
  /** CPU time for the trial's own slices by role, nanoseconds, without what the processes use when idle. */
  cpuNs: Record<'server' | 'balancer' | 'store', number | undefined>;
  /** CPU of the busiest single server, in the same way. */
  busiestServerNs: number | undefined;
  /** Busy time of all processors in the trial's own slices. */
  machineBusyNs: number | undefined;
  /** Round trips of all servers to the service. */
  roundTrips: number | undefined;
  rssServerBytes: number | undefined;
  rssStoreBytes: number | undefined;
  /** CPU of servers, balancer and service per second while nobody loads them; it is taken off already. */
  idleCpuNsPerSecond: number | undefined;
  /** Time for which the control group was held back in the trial's own slices. */
  throttledNs: number | undefined;
  /** Event-loop delay, 99th percentile, of the server that has the greatest; whole microseconds. */
  loopDelayP99Us: number | undefined;
  /** Time in garbage collection, all servers together. */
  gcNs: number | undefined;
  /** What the sessions held in all servers, and by how much the service's data grew; absent where their number changed. */
  held?: { serverBytes: number | undefined; storeBytes: number | undefined } | undefined;
  /** Use of the caches of verified tokens in the window, all servers together; absent without one. */
  verifyCache?: { hits: number; misses: number; distinctTokens: number } | undefined;
  /** Over the measured part of the whole block, all arms: shares of all processors' time, from 0 to 1. */
  host: { stealShare: number | undefined; foreignShare: number | undefined };
  /** For each slice the requests that were due and not yet sent when its last one became due; zeros in a closed loop. */
  backlogEnds: readonly number[];
  /** For each slice the requests that were due and not yet answered then, sent or not; absent where it is not counted. */
  outstandingEnds?: readonly number[];
  /** Change of CPU per request over the last windows of the warm-up, per cent, significant or not. */
  trendPct: number | undefined;
  /** Whether the warm-up ended without a trend that matters. */
  steady: boolean;
}

/** What the traits of the backend predict of this trial, and the limits of what takes part in it. */
export interface Expectation {
  /** Share of reads that miss by design: sessions live in one server only, and requests go to all. */
  missShare: number;
  /** Processors that the service can use: Redis one, Postgres any number. */
  storeCores: number;
  /** How long a token lives in the revocation scenario. */
  tokenLifetimeSeconds: number;
  /** Requests per second that the generator reaches against a server that does nothing; open loop only. */
  nullServerRps: number | undefined;
}
