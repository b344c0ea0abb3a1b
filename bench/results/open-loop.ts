import type { LatencySummary } from '../stats/histogram.ts';
import { median } from '../stats/median.ts';

/** What the figures of an open loop say about whether the load was kept up with. Pure. */

/** What an open loop came to, whether in slices or in one piece. */
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

/** What is under way is taken for granted up to this share of a slice's requests. */
const MOST_UNDER_WAY_SHARE = 0.2;

/**
 * The share of the requests due that was achieved while the load lasted. Replies over wall time would not do: each
 * slice waits for what is under way at its end, a time that belongs to a slow system as much as to an overloaded one,
 * and once it is over even the overloaded one has answered everything. So what was lost is taken off, and what was left
 * over at the slices' ends: requests not sent; or those not answered beyond the rate times the mean response time, which
 * is what a system that keeps up has under way (Little 1961). Under overload that mean grows with what is left over, so
 * that about half of it is seen: 5 % more than can be carried is found, 2 % is not. Close to full load a slice ends
 * before the queue has reached its length; that is refused as well, for response times would be too short. So is a
 * mean response time of much more than a fifth of a slice, which does not tell a slow system from an overloaded one.
 */
export function achievedShare(figures: OpenLoopFigures): number {
  const { scheduled, completed, backlogEnds, outstandingEnds, offeredRps, meanResponseUs } = figures;
  if (scheduled === 0) return 0;
  // By Little's law so many are under way at a moment; the one that became due last is always among them. Few slices
  // count few, and by chance up to two standard deviations more.
  const slices = outstandingEnds?.length ?? 0;
  const expected = slices * ((offeredRps * (meanResponseUs ?? 0)) / 1e6 + 1);
  const inFlight = expected + 2 * Math.sqrt(expected);
  const beyond = sum(outstandingEnds ?? []) - Math.min(inFlight, MOST_UNDER_WAY_SHARE * scheduled);
  // What was lost may have been counted as left over before: it is not taken off twice.
  const leftOver = Math.max(scheduled - completed, sum(backlogEnds), beyond);
  return Math.max(0, 1 - leftOver / scheduled);
}

/** Of a slice's requests this share may be left over at its end. */
const LEFT_OVER_SHARE = 0.01;

/**
 * The backlog at the end, and what it may be. Every slice begins with none and drains what it leaves, so a backlog
 * does not rise from slice to slice: it rises within them, and what the last requests due found before them says so.
 * `waiting` is the median over the last quarter of the slices (at least one), for one pause of a server is no trend;
 * the limit is 1 % of the requests of a slice, and at least the root of the requests of one slice over the number of
 * slices looked at: by so much the arrivals alone scatter.
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

/** The slices at the end that speak for the end: a quarter of them, at least one. */
export function lastQuarter(values: readonly number[]): readonly number[] {
  return values.slice(-Math.max(1, Math.floor(values.length / 4)));
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const GREATEST_LATENESS_SHARE = 0.1;
/** What any median is off by at most (docs/probe.md): less lateness than that spoils no figure of so few samples. */
const TOLERATED_US = 500;

/** Lateness of sending and its limit, microseconds: by p99, or by p95 where there are too few samples for that. */
export function lateTail({
  lateness,
  response,
}: OpenLoopFigures): { name: string; latenessUs: number; limitUs: number } | undefined {
  const tail = (name: 'p99' | 'p95', leastUs: number) => {
    const [latenessUs, responseUs] = [lateness?.[name], response?.[name]];
    if (latenessUs === undefined || responseUs === undefined) return undefined;
    return { name, latenessUs, limitUs: Math.max(leastUs, responseUs * GREATEST_LATENESS_SHARE) };
  };
  return tail('p99', 0) ?? tail('p95', TOLERATED_US);
}
