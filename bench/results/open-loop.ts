import type { LoadResult } from '../load/job.ts';
import { type LatencySummary, summaryOf } from '../stats/histogram.ts';
import { median } from '../stats/median.ts';

/** Whether the system kept up with the load of an open loop. Pure. */

/** The figures of an open loop, in slices or in one piece. */
export interface OpenLoopFigures {
  offeredRps: number;
  scheduled: number;
  completed: number;
  /** By slice, as in `Observed`; one number when the load was not sliced. */
  backlogEnds: readonly number[];
  outstandingEnds?: readonly number[] | undefined;
  meanResponseUs: number | undefined;
  /** Of sending; `undefined` when it is not known. */
  lateness: LatencySummary | undefined;
  response: LatencySummary | undefined;
}

/** The figures of a load. @param ends as in `Observed`. @param meanResponseUs as in the row. */
export function openLoopFigures(
  { operations: [all], open }: Pick<LoadResult, 'operations' | 'open'>,
  ends: Pick<OpenLoopFigures, 'backlogEnds' | 'outstandingEnds'>,
  offeredRps: number,
  meanResponseUs: number | undefined,
): OpenLoopFigures {
  const { scheduled = 0, completed = 0, response } = all ?? {};
  return {
    offeredRps,
    scheduled,
    completed,
    backlogEnds: ends.backlogEnds,
    outstandingEnds: ends.outstandingEnds,
    meanResponseUs,
    lateness: summaryOf(open?.lateness),
    response: summaryOf(response),
  };
}

/** Requests in flight are expected up to this share of a slice's requests. */
const MAX_IN_FLIGHT_SHARE = 0.2;

/**
 * The share of the due requests that was completed while the load lasted. Replies over wall time would not do: each
 * slice waits for what is in flight at its end, a time that is longer for a slow system as well as for an overloaded
 * one, and after it even the overloaded one has replied to everything. So lost requests are subtracted, and those left
 * over at the slices' ends: requests not sent; or those without a reply beyond the rate times the mean response time,
 * which is the number in flight in a system that keeps up (Little 1961). Under overload that mean grows with what is
 * left over, so that about half of it is detected: 5 % more than the capacity is found, 2 % is not. Close to full load
 * a slice ends before the queue has reached its length; that is rejected as well, for response times would be too
 * short. So is a mean response time of much more than a fifth of a slice, which does not distinguish a slow system from
 * an overloaded one.
 */
export function achievedShare(figures: OpenLoopFigures): number {
  const { scheduled, completed, backlogEnds, outstandingEnds, offeredRps, meanResponseUs } = figures;
  if (scheduled === 0) return 0;
  // By Little's law this many are in flight at a moment; the one that became due last is always among them. A few
  // slices have a small sum, which varies by chance by up to two standard deviations.
  const slices = outstandingEnds?.length ?? 0;
  const expected = slices * ((offeredRps * (meanResponseUs ?? 0)) / 1e6 + 1);
  const inFlight = expected + 2 * Math.sqrt(expected);
  const beyond = sum(outstandingEnds ?? []) - Math.min(inFlight, MAX_IN_FLIGHT_SHARE * scheduled);
  // Lost requests may have been counted as left over before: they are not subtracted twice.
  const leftOver = Math.max(scheduled - completed, sum(backlogEnds), beyond);
  return Math.max(0, 1 - leftOver / scheduled);
}

/** Maximum share of a slice's requests that may be left over at its end. */
const LEFT_OVER_SHARE = 0.01;

/**
 * The backlog at the end, and its limit. Every slice begins without one and drains what it leaves, so a backlog does
 * not grow from slice to slice: it grows within them, as the last due requests show. `waiting` is the median over the
 * last quarter of the slices (at least one), for a single pause of a server is not a trend. The limit is 1 % of the
 * requests of a slice, and at least the root of the requests of one slice over the number of these slices: the scatter
 * of the arrivals alone.
 */
export function finalBacklog({
  scheduled,
  backlogEnds,
}: Pick<OpenLoopFigures, 'scheduled' | 'backlogEnds'>): {
  waiting: number;
  limit: number;
} {
  const last = lastQuarter(backlogEnds);
  const perSlice = scheduled / Math.max(1, backlogEnds.length);
  const limit = Math.max(LEFT_OVER_SHARE * perSlice, Math.sqrt(perSlice / Math.max(1, last.length)));
  return { waiting: median(last) ?? 0, limit };
}

/** The slices that represent the end: the last quarter, at least one. */
function lastQuarter(values: readonly number[]): readonly number[] {
  return values.slice(-Math.max(1, Math.floor(values.length / 4)));
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const MAX_LATENESS_SHARE = 0.1;
/**
 * The maximum error of any median (docs/probe.md): a smaller lateness does not matter for a figure of so few samples.
 */
const TOLERATED_US = 500;

/** Lateness of sending and its limit, microseconds: by p99, or by p95 with too few samples for that. */
export function lateTail({
  lateness,
  response,
}: OpenLoopFigures): { name: string; latenessUs: number; limitUs: number } | undefined {
  const tail = (name: 'p99' | 'p95', leastUs: number) => {
    const [latenessUs, responseUs] = [lateness?.[name], response?.[name]];
    if (latenessUs === undefined || responseUs === undefined) return undefined;
    return { name, latenessUs, limitUs: Math.max(leastUs, responseUs * MAX_LATENESS_SHARE) };
  };
  return tail('p99', 0) ?? tail('p95', TOLERATED_US);
}
