/** The highest rate that holds an objective, found so that the next search finds it again. Pure: it only asks for trials. */

/** One trial's answer: whether the objective held, and the value that decided, if there was one. */
export interface Answer {
  holds: boolean;
  value: number | undefined;
}

export interface SearchTrial extends Answer {
  ratePerSecond: number;
  seconds: number;
}

export interface SearchRequest {
  measure: (ratePerSecond: number, seconds: number) => Promise<Answer>;
  /** Rate of a closed loop, where the search begins. */
  capacityPerSecond: number;
  /** Lowest rate worth trying; a hundredth of the capacity unless given. */
  lowestPerSecond?: number;
  /** Length of the trials that narrow, seconds; 2 unless given. */
  shortSeconds?: number;
  /** Length of the trials that decide, seconds; 10 unless given. */
  longSeconds?: number;
  /** How far apart, as a share, the bounds may be in the end; 0.03 unless given. */
  width?: number;
  /** After so many the search ends with what it has; 60 unless given. */
  maxTrials?: number;
}

/**
 * `found`: the rate held, `upper` did not. `capacity-holds`: so did every rate up to half as much again as the capacity: the
 * objective is no limit here. `none-holds`: not even the lowest did.
 */
export interface SearchResult {
  outcome: 'found' | 'capacity-holds' | 'none-holds';
  /** The answer; `undefined` when none held. */
  ratePerSecond: number | undefined;
  /** Highest rate that held, and lowest that did not, by the majority of long trials where there were any; `undefined` when there is none. */
  lower: number | undefined;
  upper: number | undefined;
  /** Whether the objective held at the answer for one more long trial at the end. */
  confirmed: boolean;
  trials: readonly SearchTrial[];
}

const HIGHEST_SHARE = 1.5;
const UPWARDS = 1.15;
const FIRST_STEP_DOWN = 1.2;

/** No more trials: the search answers what it knows. */
const EXHAUSTED = Symbol('exhausted');

/**
 * Bisects geometrically, in the spirit of MLRsearch (RFC 9971): short trials narrow, long ones decide, and what a long one
 * contradicts is given up. No single trial condemns a rate: two of three do. A last long trial must hold, else the search
 * steps down and confirms again.
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
    const answer = await request.measure(ratePerSecond, seconds);
    trials.push({ ratePerSecond, seconds, ...answer });
    return answer.holds;
  }
  /** One that holds is believed at first: a long trial will ask again. */
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
    isConfirmed = await confirm(bounds, width, (rate) => holds(rate, longSeconds), lowest);
  } catch (error) {
    if (error !== EXHAUSTED) throw error;
  }
  const { lower, upper } = bounds;
  const outcome = lower === undefined ? 'none-holds' : upper === undefined ? 'capacity-holds' : 'found';
  return { outcome, ratePerSecond: lower, lower, upper, confirmed: isConfirmed, trials };
}

interface Bounds {
  /** Believed to hold; and not to. */
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

/** Asks again at both bounds; where the answer is another, that bound moves outwards, in growing steps. */
async function verify(
  bounds: Bounds,
  width: number,
  decide: Decide,
  { lowest, highest }: Range,
): Promise<void> {
  let share = width;
  for (let lowerIsSure = false; !lowerIsSure && bounds.lower !== undefined; ) {
    lowerIsSure = await decide(bounds.lower);
    if (lowerIsSure) break;
    bounds.upper = bounds.lower;
    bounds.lower = bounds.lower <= lowest ? undefined : Math.max(lowest, bounds.lower / (1 + share));
    share *= 2;
  }
  // A bound that has just failed for certain need not be asked again.
  for (let upperIsSure = share > width; !upperIsSure && bounds.upper !== undefined; ) {
    upperIsSure = !(await decide(bounds.upper));
    if (upperIsSure) break;
    bounds.lower = bounds.upper;
    bounds.upper = bounds.upper >= highest ? undefined : Math.min(highest, bounds.upper * (1 + share));
    share *= 2;
  }
  await narrow(bounds, width, decide);
}

/** One more trial must hold; steps down until one does. `false`: none did. */
async function confirm(bounds: Bounds, width: number, holds: Decide, lowest: number): Promise<boolean> {
  let share = width;
  while (bounds.lower !== undefined) {
    if (await holds(bounds.lower)) return true;
    bounds.upper = bounds.lower;
    bounds.lower = bounds.lower <= lowest ? undefined : Math.max(lowest, bounds.lower / (1 + share));
    share *= 2;
  }
  return false;
}
