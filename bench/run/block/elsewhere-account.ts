/** What an arm's processes elsewhere used, from the readings of one exporter. Pure. */

import type { CpuReading } from '../../environment/exporter/scrape.ts';

/** Two readings, and what lies between them. */
export interface Span {
  start: CpuReading;
  end: CpuReading;
}

/** What an exporter told around the load of an arm, and while nothing was loaded. */
export interface Readings {
  /** The arm's load: all of it, or each of its slices. */
  load: readonly Span[];
  idle: Span;
  /** CPU of one request to the exporter, nanoseconds, where its own machine is counted. */
  requestNs: number;
}

/** CPU of the load, nanoseconds, or why it is not known. */
export type Account = { ns: number } | { reason: string };

/** An account that may be wrong by more than this share is not one. */
const MAX_ERROR = 0.1;
/** Chance in rounding to steps: the standard deviation of a difference of two readings is step / √6, for each series. */
const DEVIATIONS = 2;

/**
 * CPU between the readings, less what the same time costs when nothing is loaded.
 *
 * It is not known after a reset of a counter; where samples are so old that what they miss or add is above 10 % of the
 * time of the load; where rounding to the exporter's steps is above 10 % of the result; and where nothing is left.
 */
export function accountOf({ load, idle, requestNs }: Readings): Account {
  const spans = [...load, idle];
  if (spans.some(({ start, end }) => !isContinued(start, end))) return { reason: 'a counter began anew' };
  const loadMs = load.reduce((sum, span) => sum + lengthMs(span), 0);
  const staleMs = missedMs(load, spans);
  if (staleMs > MAX_ERROR * loadMs) {
    return {
      reason: `its samples are up to ${tenths(oldestMs(load, spans))} s old, too coarse for ${tenths(loadMs)} s of load`,
    };
  }
  const idleMs = takenMs(idle);
  if (idleMs <= 0) return { reason: 'it had no new sample while nothing was loaded' };
  const share = loadMs / idleMs;
  const busyNs = load.reduce((sum, span) => sum + usedNs(span), 0) - requestNs * load.length;
  const ns = busyNs - (usedNs(idle) - requestNs) * share;
  const errorNs = DEVIATIONS * Math.hypot(...load.map(roundingNs), roundingNs(idle) * share);
  if (errorNs > MAX_ERROR * ns) {
    const text = `${Math.round(Math.max(0, ns) / 1e6)} ± ${Math.round(errorNs / 1e6)} ms above idle`;
    return { reason: `the load used ${text}, too little for its steps` };
  }
  return ns > 0 ? { ns } : { reason: 'the load used no more than idle time does' };
}

/** CPU that one request costs the exporter's machine, nanoseconds, by `count` of them in a row; each span has one at least. */
export function requestCost(idle: Span, burst: Span, count: number): number {
  if (!isContinued(idle.start, idle.end) || !isContinued(burst.start, burst.end)) return 0;
  const share = lengthMs(burst) / lengthMs(idle);
  return Math.max(0, (usedNs(burst) - usedNs(idle) * share) / (count - share));
}

/** Whether every counter of the first reading is in the second, and has not fallen. */
function isContinued(start: CpuReading, end: CpuReading): boolean {
  return (
    start.ns.size === end.ns.size &&
    [...start.ns].every(([series, ns]) => (end.ns.get(series) ?? Number.NEGATIVE_INFINITY) >= ns)
  );
}

function usedNs({ start, end }: Span): number {
  let sum = 0;
  for (const [series, ns] of end.ns) sum += ns - (start.ns.get(series) ?? 0);
  return sum;
}

/** The time that the values cover, by the exporter's clock where it tells. */
function takenMs(span: Span): number {
  const [from, to] = [span.start.takenAtMs, span.end.takenAtMs];
  return from === undefined || to === undefined ? lengthMs(span) : to - from;
}

/** How much older a reading is than the freshest of all: the clocks of both machines may differ. 0 for values of now. */
const ageMs = (reading: CpuReading, spans: readonly Span[]) =>
  lagMs(reading) - Math.min(...spans.flatMap(({ start, end }) => [lagMs(start), lagMs(end)]));

const lagMs = ({ atMs, takenAtMs = atMs }: CpuReading) => atMs - takenAtMs;

/** Time that belongs to the load and is not counted, or is counted and does not, at most. */
const missedMs = (load: readonly Span[], spans: readonly Span[]) =>
  load.reduce((sum, { start, end }) => sum + ageMs(start, spans) + ageMs(end, spans), 0);

const oldestMs = (load: readonly Span[], spans: readonly Span[]) =>
  Math.max(...load.flatMap(({ start, end }) => [ageMs(start, spans), ageMs(end, spans)]));

/** Standard deviation of a difference by rounding; a counter that stands still adds none. */
function roundingNs({ start, end }: Span): number {
  const moving = [...end.ns].filter(([series, ns]) => ns !== start.ns.get(series)).length;
  return end.stepNs * Math.sqrt(moving / 6);
}

const lengthMs = ({ start, end }: Span) => end.atMs - start.atMs;
const tenths = (ms: number) => (ms / 1000).toFixed(1);
