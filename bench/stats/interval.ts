import { middleOf } from './median.ts';

/** A shift and its confidence interval. Bounds are infinite when no finite interval has the confidence. */
export interface Estimate {
  /** `undefined` without values. */
  estimate: number | undefined;
  lower: number;
  upper: number;
}

/** p-values of a rank test: of the one-sided alternatives *shifted up* and *shifted down*, and of either. */
export interface RankTest {
  /** Values that the test used. */
  count: number;
  /** Sum of the positive ranks (V), or the number of pairs in which head is greater (U); ties count half. */
  statistic: number;
  pUp: number;
  pDown: number;
  pTwoSided: number;
  /** From the exact distribution; otherwise from the normal approximation. */
  exact: boolean;
}

/**
 * Estimate and interval from order statistics: the median of the sorted values, and the values at `depth` from either
 * end (1 is the extreme); at depth 0 the interval is unbounded.
 */
export function orderStatistics(sorted: readonly number[], depth: number): Estimate {
  return {
    estimate: middleOf(sorted),
    lower: (depth < 1 ? undefined : sorted[depth - 1]) ?? Number.NEGATIVE_INFINITY,
    upper: (depth < 1 ? undefined : sorted[sorted.length - depth]) ?? Number.POSITIVE_INFINITY,
  };
}

/** Two-sided from one-sided p-values: twice the smaller, at most 1. */
export function twoSided(pUp: number, pDown: number): number {
  return Math.min(1, 2 * Math.min(pUp, pDown));
}
