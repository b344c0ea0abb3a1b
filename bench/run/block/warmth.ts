import type { Warmth } from '../../results/observed.ts';
import { changeOf, isSteady } from '../../stats/trend.ts';

/** A server compiles what it runs often. Later than this many requests the change that is left is small. */
export const WARM_REQUESTS = 30_000;
/** An arm is warm when the 90 % interval of the change over the last windows lies within this, per cent. */
export const WARM_CHANGE_PCT = 3;
const CONFIDENCE = 0.9;
/** The change is sought in the last half of the windows, in at least this many, and not in the first second. */
export const MIN_WINDOWS = 8;
/** Windows that are never judged: in them a server runs code that is not compiled yet. */
export const COLD_WINDOWS = 4;

/** The warm-up goes on for up to this many times its bound while CPU per request has a trend. */
export const EXTENSION = 2;

/** 12 s of load; an exact test of a trend takes long for many windows. */
const MAX_WINDOWS = 48;

/** Whether an arm is warm. Pure. @param costs CPU per request, window by window. */
export function warmthOf(costs: readonly number[], requestsPerServer: number): Omit<Warmth, 'seconds'> {
  const judged = costs.slice(COLD_WINDOWS);
  const half = Math.ceil(judged.length / 2);
  const last = judged.slice(-Math.min(MAX_WINDOWS, Math.max(MIN_WINDOWS, half)));
  if (last.length < MIN_WINDOWS || last.some(Number.isNaN)) {
    return { state: 'cold', requestsPerServer, steady: true, trendPct: undefined };
  }
  const change = changeOf(last, CONFIDENCE);
  const isEven =
    change !== undefined && change.lowerPct >= -WARM_CHANGE_PCT && change.upperPct <= WARM_CHANGE_PCT;
  const { steady } = isSteady(last);
  const isServed = requestsPerServer >= WARM_REQUESTS && steady;
  const state = !isServed ? 'cold' : isEven ? 'warm' : 'unproven';
  return { state, requestsPerServer, steady, trendPct: change?.pct };
}
