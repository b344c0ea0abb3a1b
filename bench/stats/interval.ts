import { middleOf } from './median.ts';
import { normalCdf, normalQuantile } from './normal.ts';

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

type Tails = [up: number, down: number];

/** P(T ≥ t) and P(T ≤ t), from the number of ways in which each value from 0 on comes about. */
export function exactTails(ways: ArrayLike<number>, t: number): Tails {
  const counts = Array.from(ways);
  const sumOf = (from: number, to: number) => counts.slice(from, to).reduce((sum, way) => sum + way, 0);
  const total = sumOf(0, counts.length);
  return [sumOf(t, counts.length) / total, sumOf(0, t + 1) / total];
}

/** The same from the normal approximation, with correction for continuity. */
export function normalTails(t: number, mean: number, deviation: number): Tails {
  return [normalCdf(-(t - mean - 0.5) / deviation), normalCdf((t - mean + 0.5) / deviation)];
}

/** The greatest k with P(T ≤ k − 1) ≤ tail, from the number of ways of each value. */
export function exactDepth(ways: ArrayLike<number>, tail: number): number {
  const counts = Array.from(ways);
  const total = counts.reduce((sum, way) => sum + way, 0);
  let below = 0;
  const depth = counts.findIndex((way) => {
    below += way / total;
    return below > tail;
  });
  return depth < 0 ? counts.length : depth;
}

/** The same from the normal approximation. */
export function normalDepth(tail: number, mean: number, deviation: number): number {
  return Math.max(0, Math.floor(mean + normalQuantile(tail) * deviation));
}

/** Two-sided from one-sided p-values: twice the smaller, at most 1. */
export function twoSided(pUp: number, pDown: number): number {
  return Math.min(1, 2 * Math.min(pUp, pDown));
}
