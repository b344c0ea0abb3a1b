import { median } from './median.ts';
import { normalQuantile } from './normal.ts';
import { waysByU } from './rank-sum.ts';

/** A test for a monotone trend in a sequence. */
export interface TrendTest {
  /** Pairs whose later value is greater, minus those whose later value is smaller (S); ties count neither way. */
  statistic: number;
  /** Probability of an S as far from 0, in either direction, if every order of these values were equally likely. */
  pTwoSided: number;
}

/**
 * The test of Mann and Kendall, exact for any number of values and with ties: the distribution is that of S over all
 * orders of the actual values, including equal ones, so that ties need no correction. The work grows with the fourth
 * power of the count: meant for tens of windows, not for requests. With fewer than two different values p is 1.
 *
 * Source: Mann 1945; Kendall, Rank Correlation Methods, 5.7 (recursion without ties). With ties the inversions that a
 * group of equal values makes with all smaller ones are Mann and Whitney's U, and the groups are independent.
 */
export function mannKendallTest(values: readonly number[]): TrendTest {
  const statistic = pairs(values, (earlier, later) => Math.sign(later - earlier)).reduce((a, b) => a + b, 0);
  const chances = inversionChances(values);
  const greatest = chances.length - 1;
  // An order with this many inversions has S = greatest − 2 · inversions.
  const pTwoSided = chances.reduce(
    (sum, chance, inversions) =>
      Math.abs(greatest - 2 * inversions) >= Math.abs(statistic) ? sum + chance : sum,
    0,
  );
  return { statistic, pTwoSided: Math.min(1, pTwoSided) };
}

/**
 * The slope per step: the median of the slopes of all pairs; `undefined` below two values.
 *
 * Source: Theil 1950, Sen 1968.
 */
export function theilSenSlope(values: readonly number[]): number | undefined {
  return median(pairs(values, (earlier, later, steps) => (later - earlier) / steps));
}

/** Change from the first to the last value of a sequence, per cent of its median, with an interval. */
export interface Change {
  pct: number;
  lowerPct: number;
  upperPct: number;
}

/**
 * The change by the Theil–Sen slope and the interval of slopes that Kendall's test does not reject at this confidence,
 * in its normal approximation, which suits ten values and more. `undefined` below two values or with a median of 0.
 *
 * Source: Sen 1968, section 5.
 */
export function changeOf(values: readonly number[], confidence: number): Change | undefined {
  const middle = median(values);
  const slopes = pairs(values, (earlier, later, steps) => (later - earlier) / steps).sort((a, b) => a - b);
  const slope = median(slopes);
  if (middle === undefined || middle === 0 || slope === undefined) return undefined;
  const count = values.length;
  const deviation = Math.sqrt((count * (count - 1) * (2 * count + 5)) / 18);
  const beyond = (slopes.length - normalQuantile((1 + confidence) / 2) * deviation) / 2;
  const inPct = (one: number) => ((one * (count - 1)) / middle) * 100;
  const lower = slopes[Math.floor(beyond) - 1] ?? Number.NEGATIVE_INFINITY;
  const upper = slopes[slopes.length - Math.floor(beyond)] ?? Number.POSITIVE_INFINITY;
  return { pct: inPct(slope), lowerPct: inPct(lower), upperPct: inPct(upper) };
}

/** A trend counts up to this p, and from this change on. */
const TREND_ALPHA = 0.01;
const TREND_PCT = 3;

/**
 * Whether CPU per request had settled: no significant trend (p ≤ 0.01, either way) over these windows, or none that
 * changes it by more than 3 % from the first to the last. Below six windows no trend can be significant, and of six
 * only one without a single exception is. The scatter of the windows does not matter: it is noise, not warm-up.
 *
 * @returns `slopePct`: the change from first to last window by the Theil–Sen slope, in per cent of the median; 0 below
 * two windows.
 */
export function isSteady(cpuPerRequestWindows: readonly number[]): { steady: boolean; slopePct: number } {
  const middle = median(cpuPerRequestWindows);
  const slope = theilSenSlope(cpuPerRequestWindows);
  if (middle === undefined || middle === 0 || slope === undefined) return { steady: true, slopePct: 0 };
  const slopePct = ((slope * (cpuPerRequestWindows.length - 1)) / middle) * 100;
  const isTrend = mannKendallTest(cpuPerRequestWindows).pTwoSided <= TREND_ALPHA;
  return { steady: !(isTrend && Math.abs(slopePct) > TREND_PCT), slopePct };
}

function pairs(
  values: readonly number[],
  of: (earlier: number, later: number, steps: number) => number,
): number[] {
  return values.flatMap((earlier, index) =>
    values.slice(index + 1).map((later, between) => of(earlier, later, between + 1)),
  );
}

/** For each number of inversions (a greater value before a smaller one) the share of orders with that number. */
function inversionChances(values: readonly number[]): number[] {
  const sizes = new Map<number, number>();
  for (const value of values) sizes.set(value, (sizes.get(value) ?? 0) + 1);
  let [chances, smaller] = [[1], 0];
  // Which group comes first does not matter: the distribution is symmetric.
  for (const size of sizes.values()) {
    const ways = waysByU(size, smaller);
    const total = ways.reduce((sum, way) => sum + way, 0);
    const next = new Array<number>(chances.length + size * smaller).fill(0);
    for (const [sum, chance] of chances.entries()) {
      for (const [more, way] of ways.entries()) {
        next[sum + more] = (next[sum + more] as number) + (chance * way) / total;
      }
    }
    chances = next;
    smaller += size;
  }
  return chances;
}
