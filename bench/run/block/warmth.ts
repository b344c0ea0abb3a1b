import type { Warmth } from '../../results/observed.ts';
import { changeOf, isSteady } from '../../stats/trend.ts';

/** A server compiles what it runs often. Later than this many requests the change that is left is small. */
export const WARM_REQUESTS = 30_000;
/** An arm is warm when the 90 % interval of the change over the last windows lies within this, per cent. */
export const WARM_CHANGE_PCT = 3;
const CONFIDENCE = 0.9;
/** The change is sought in the last half of the windows, and in at least this many. */
export const MIN_WINDOWS = 12;

/** Whether an arm is warm. Pure. @param costs CPU per request, window by window. */
export function warmthOf(costs: readonly number[], requestsPerServer: number): Omit<Warmth, 'seconds'> {
  const last = costs.slice(-Math.max(MIN_WINDOWS, Math.ceil(costs.length / 2)));
  if (last.length < MIN_WINDOWS || last.some(Number.isNaN)) {
    return { state: 'cold', requestsPerServer, steady: true, trendPct: undefined };
  }
  const change = changeOf(last, CONFIDENCE);
  const isEven =
    change !== undefined && change.lowerPct >= -WARM_CHANGE_PCT && change.upperPct <= WARM_CHANGE_PCT;
  const { steady } = isSteady(last.slice(-MIN_WINDOWS));
  const state = isEven && requestsPerServer >= WARM_REQUESTS ? 'warm' : 'cold';
  return { state, requestsPerServer, steady, trendPct: change?.pct };
}
