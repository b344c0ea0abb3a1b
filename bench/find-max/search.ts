/** Searches for the highest rate at which an objective holds, reproducibly. Pure: trials are run by the caller. */

/** The result of one trial: whether the objective held, and the value that decided, if there was one. */
export interface TrialResult {
  holds: boolean;
  value: number | undefined;
}

export interface SearchTrial extends TrialResult {
  ratePerSecond: number;
  seconds: number;
}

export interface SearchRequest {
  measure: (ratePerSecond: number, seconds: number) => Promise<TrialResult>;
  /** Rate of a closed loop, where the search begins. */
  capacityPerSecond: number;
  /** Lowest rate to try; default a hundredth of the capacity. */
  lowestPerSecond?: number;
  /** Length of the trials that narrow, seconds; default 2. */
  shortSeconds?: number;
  /** Length of the trials that decide, seconds; default 10. */
  longSeconds?: number;
  /** Final distance of the bounds, as a share; default 0.03. */
  width?: number;
  /** The search ends after this many trials with what it has; default 60. */
  maxTrials?: number;
}

/**
 * `found`: the rate held, `upper` did not. `capacity-holds`: so did every rate up to half as much again as the
 * capacity, so the objective is not the limit here. `none-holds`: not even the lowest did.
 */
export interface SearchResult {
  outcome: 'found' | 'capacity-holds' | 'none-holds';
  /** The result; `undefined` when none held. */
  ratePerSecond: number | undefined;
  /**
   * Highest rate that held and lowest that did not, by the majority of long trials where there were any; may be
   * `undefined`.
   */
  lower: number | undefined;
  upper: number | undefined;
  /** Whether the objective held at the result for one more long trial at the end. */
  confirmed: boolean;
  trials: readonly SearchTrial[];
}

const HIGHEST_SHARE = 1.5;
const UPWARDS = 1.15;
const FIRST_STEP_DOWN = 1.2;

/** No more trials: the search returns what it knows. */
const EXHAUSTED = Symbol('exhausted');

/**
 * Bisects geometrically, in the spirit of MLRsearch (RFC 9971): short trials narrow, long ones decide, and a bound that
 * a long one contradicts is given up. A single failed trial does not reject a rate: two of three do. A last long trial
 * must hold; otherwise the search steps down and confirms again.
 * @throws what `measure` throws.
 */
export async function searchMaximum(request: SearchRequest): Promise<SearchResult> {
  const { capacityPerSecond, shortSeconds = 2, longSeconds = 10, width = 0.03, maxTrials = 60 } = request;
  const lowest = request.lowestPerSecond ?? capacityPerSecond / 100;
  const trials: SearchTrial[] = [];
  const bounds: Bounds = { lower: undefined, upper: undefined };
  let isConfirmed = false;

  async function holds(ratePerSecond: number, seconds: number): Promise<boolean> {
    if (trials.length >= maxTrials) throw EXHAUSTED;
    const result = await request.measure(ratePerSecond, seconds);
    trials.push({ ratePerSecond, seconds, ...result });
    return result.holds;
  }
  /** A success is accepted for now: a long trial will check it. */
  const briefly: Decide = async (rate) =>
    (await holds(rate, shortSeconds)) ||
    ((await holds(rate, shortSeconds)) && (await holds(rate, shortSeconds)));
  const surely: Decide = async (rate) => {
    const [first, second] = [await holds(rate, longSeconds), await holds(rate, longSeconds)];
    return first === second ? first : holds(rate, longSeconds);
  };

  try {
    const range = { lowest, highest: capacityPerSecond * HIGHEST_SHARE };
    await bracket(bounds, capacityPerSecond, briefly, range);
    await narrow(bounds, width, briefly);
    await verify(bounds, width, surely, range);
    // One more trial must hold; otherwise the next lower one.
    isConfirmed = await descend(bounds, width, (rate) => holds(rate, longSeconds), lowest);
  } catch (error) {
    if (error !== EXHAUSTED) throw error;
  }
  const { lower, upper } = bounds;
  const outcome = lower === undefined ? 'none-holds' : upper === undefined ? 'capacity-holds' : 'found';
  return { outcome, ratePerSecond: lower, lower, upper, confirmed: isConfirmed, trials };
}

interface Bounds {
  /** Assumed to hold, and not to hold. */
  lower: number | undefined;
  upper: number | undefined;
}

interface Range {
  lowest: number;
  highest: number;
}

type Decide = (ratePerSecond: number) => Promise<boolean>;

/** Walks from the start until both bounds are known, in growing steps downwards; or until the range ends. */
async function bracket(
  bounds: Bounds,
  start: number,
  decide: Decide,
  { lowest, highest }: Range,
): Promise<void> {
  let [rate, step] = [start, FIRST_STEP_DOWN];
  while (bounds.lower === undefined || bounds.upper === undefined) {
    if (await decide(rate)) {
      bounds.lower = rate;
      if (bounds.upper !== undefined || rate >= highest) return;
      rate = Math.min(highest, rate * UPWARDS);
    } else {
      bounds.upper = rate;
      if (bounds.lower !== undefined || rate <= lowest) return;
      rate = Math.max(lowest, rate / step);
      step *= step;
    }
  }
}

/** Halves the distance until it is small enough. */
async function narrow(bounds: Bounds, width: number, decide: Decide): Promise<void> {
  while (
    bounds.lower !== undefined &&
    bounds.upper !== undefined &&
    bounds.upper > bounds.lower * (1 + width)
  ) {
    const middle = Math.sqrt(bounds.lower * bounds.upper);
    if (await decide(middle)) bounds.lower = middle;
    else bounds.upper = middle;
  }
}

/** Checks both bounds again; a bound that is contradicted moves outwards, in growing steps. */
async function verify(
  bounds: Bounds,
  width: number,
  decide: Decide,
  { lowest, highest }: Range,
): Promise<void> {
  const wasLower = bounds.lower;
  await descend(bounds, width, decide, lowest);
  // A bound that has just failed by majority need not be checked again.
  const isUpperSure = bounds.lower !== wasLower;
  for (let share = width; !isUpperSure && bounds.upper !== undefined; share *= 2) {
    if (!(await decide(bounds.upper))) break;
    bounds.lower = bounds.upper;
    bounds.upper = bounds.upper >= highest ? undefined : Math.min(highest, bounds.upper * (1 + share));
  }
  await narrow(bounds, width, decide);
}

/** Lowers the bound in growing steps until it holds. `false`: none did. */
async function descend(bounds: Bounds, width: number, holds: Decide, lowest: number): Promise<boolean> {
  for (let share = width; bounds.lower !== undefined; share *= 2) {
    if (await holds(bounds.lower)) return true;
    bounds.upper = bounds.lower;
    bounds.lower = bounds.lower <= lowest ? undefined : Math.max(lowest, bounds.lower / (1 + share));
  }
  return false;
}
