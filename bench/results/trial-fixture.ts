import type { LoadResult, OperationResult } from '../load/job.ts';
import type { Trial } from '../run/plan.ts';
import { createHistogram, encodeHistogram, recordUs } from '../stats/histogram.ts';
import type { Expectation, Observed } from './observed.ts';
import type { Row } from './row.ts';

/** For tests: a valid trial, closed or open, to be spoilt in one respect. */

export const TRIAL: Trial = {
  arm: 'memory[durability=second]',
  store: 'memory',
  options: {},
  variant: 'durability=second',
  servers: 3,
  affinity: 'round-robin',
  scenario: 'read',
  payloadBytes: 256,
  block: 1,
  orderIndex: 0,
};

export const BASE: Row = { store: 'memory', arm: TRIAL.arm, servers: 3, cpu_count: 2, balancer: 'haproxy' };

export const OBSERVED: Observed = {
  windowSeconds: 2,
  cpuNs: { server: 2e8, balancer: 1e8, store: undefined },
  busiestServerNs: 1e8,
  machineBusyNs: 3e9,
  roundTrips: undefined,
  rssServerBytes: 1e8,
  rssStoreBytes: undefined,
  idleCpuNsPerSecond: 2e6,
  throttledNs: 0,
  loopDelayP99Us: 900,
  gcNs: 1e7,
  host: { stealShare: 0, foreignShare: 0 },
  backlogEnds: [0, 0],
  warmth: { state: 'warm', seconds: 3, requestsPerServer: 40_000, trendPct: 1.5, steady: true },
};

export const EXPECTED: Expectation = {
  missShare: 0,
  storeCores: 1,
  systemCores: 2,
  tokenLifetimeSeconds: 5,
  nullServerRps: undefined,
};

/** Times from 1 µs to `count` µs, one each. */
export function timesUpTo(count: number): Promise<string> {
  const times = createHistogram();
  for (let us = 1; us <= count; us += 1) recordUs(times, us);
  return encodeHistogram(times);
}

/** 2,000 requests in 2 s, all with a reply. */
export async function soundOperation(change: Partial<OperationResult> = {}): Promise<OperationResult> {
  return {
    operation: 'all',
    scheduled: 2000,
    sent: 2000,
    completed: 2000,
    ok: 2000,
    http4xx: 0,
    unauthorized: 0,
    http5xx: 0,
    checkFailed: 0,
    connErrors: 0,
    timeouts: 0,
    closedIdle: 0,
    resent: 0,
    dropped: 0,
    inflightEnd: 0,
    requestBytes: 2000 * 100,
    responseBytes: 2000 * 300,
    histogram: await timesUpTo(2000),
    ...change,
  };
}

export async function closedResult(change: Partial<OperationResult> = {}): Promise<LoadResult> {
  return { durationSeconds: 2, operations: [await soundOperation(change)], cpuNs: 1e8 };
}

/** 1,000 requests per second for 2 s; response times up to 4 ms, lateness up to `latenessUs`. */
export async function openResult(
  change: Partial<OperationResult> = {},
  { latenessUs = 1000, backlogMax = 12 } = {},
): Promise<LoadResult> {
  const all = await soundOperation({ response: await timesUpTo(4000), ...change });
  const open = { lateness: await timesUpTo(latenessUs), backlogMax, sendsPerPump: 1 };
  return { durationSeconds: 2.01, operations: [all], cpuNs: 2e9, open };
}
