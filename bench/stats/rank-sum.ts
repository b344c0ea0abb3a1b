import { type Estimate, orderStatistics, type RankTest, twoSided } from './interval.ts';
import { midranks } from './ranks.ts';
import { exactDepth, exactTails, normalDepth, normalTails } from './tails.ts';

/** Up to this many values on each side, without ties, the distribution is enumerated exactly. */
const EXACT_UP_TO = 50;

/** Two samples that were taken under like conditions; only values of one stratum are compared. */
export interface Stratum {
  base: readonly number[];
  head: readonly number[];
}

/**
 * Mann and Whitney's U test that two independent samples come from one distribution; *up* is head above base.
 *
 * Exact without ties up to 50 values a side; otherwise normal with correction for continuity and ties. p is 1 when a
 * side is empty or all values are equal.
 *
 * Source: Mann and Whitney 1947; Lehmann, Nonparametrics, 1.2 to 1.4.
 */
export function rankSumTest(base: readonly number[], head: readonly number[]): RankTest {
  return stratifiedRankSumTest([{ base, head }]);
}

/**
 * The same over strata: the sum of their U, whose distribution is that of independent strata. A stratum with values of
 * one side only adds nothing.
 *
 * Source: Lehmann, Nonparametrics, 3.3; van Elteren 1960, with equal weights.
 */
export function stratifiedRankSumTest(strata: readonly Stratum[]): RankTest {
  const parts = strata.map(partOf);
  const statistic = sumOf(parts, (part) => part.statistic);
  const exact = parts.every(({ tieTerm, m, n }) => tieTerm === 0 && m <= EXACT_UP_TO && n <= EXACT_UP_TO);
  const [pUp, pDown] = exact ? exactTails(waysOf(parts), statistic) : tiedTails(parts, statistic);
  const count = sumOf(parts, ({ m, n }) => m + n);
  return { count, statistic, pUp, pDown, pTwoSided: twoSided(pUp, pDown), exact };
}

interface Part {
  /** Values of head, and of base. */
  m: number;
  n: number;
  /** Number of pairs in which head is greater; ties count half. */
  statistic: number;
  tieTerm: number;
}

function partOf({ base, head }: Stratum): Part {
  const { ranks, tieTerm } = midranks([...head, ...base]);
  const [m, n] = [head.length, base.length];
  const rankSum = ranks.slice(0, m).reduce((sum, rank) => sum + rank, 0);
  return { m, n, tieTerm, statistic: rankSum - (m * (m + 1)) / 2 };
}

const sumOf = <T>(items: readonly T[], of: (item: T) => number) =>
  items.reduce((sum, item) => sum + of(item), 0);

/** The smallest one-sided p that the exact test can give with m and n values: of all C(m + n, n) orders, one. */
export function smallestRankSumP(m: number, n: number): number {
  return Array.from({ length: n }, (_, index) => (index + 1) / (m + index + 1)).reduce(
    (p, one) => p * one,
    1,
  );
}

/**
 * For each U the number of orders of m and n values with that U: of the subsets of m ranks out of 1 to m + n, those
 * whose sum is U + m (m + 1) / 2; by dynamic programming over the ranks.
 */
export function waysByU(m: number, n: number): Float64Array {
  const bySize = Array.from({ length: m + 1 }, () => new Float64Array(m * n + 1));
  (bySize[0] as Float64Array)[0] = 1;
  for (let rank = 1; rank <= m + n; rank += 1) {
    for (let size = Math.min(m, rank); size >= 1; size -= 1) {
      addShifted(bySize[size] as Float64Array, bySize[size - 1] as Float64Array, rank - size);
    }
  }
  return bySize[m] as Float64Array;
}

function addShifted(into: Float64Array, from: Float64Array, shift: number): void {
  for (let sum = into.length - 1; sum >= shift; sum -= 1) {
    into[sum] = (into[sum] as number) + (from[sum - shift] as number);
  }
}

/** The same of the sum over strata: every value of one with every value of the others. */
function waysOf(sizes: readonly Pick<Part, 'm' | 'n'>[]): Float64Array {
  return sizes
    .map(({ m, n }) => waysByU(m, n))
    .reduce((all, own) => {
      const sums = new Float64Array(all.length + own.length - 1);
      for (const [first, ways] of all.entries())
        for (const [second, others] of own.entries())
          sums[first + second] = (sums[first + second] as number) + ways * others;
      return sums;
    }, Float64Array.of(1));
}

function tiedTails(parts: readonly Part[], statistic: number): [up: number, down: number] {
  const variance = sumOf(parts, ({ m, n, tieTerm }) => {
    const all = m + n;
    return all < 2 ? 0 : ((m * n) / 12) * (all + 1 - tieTerm / (all * (all - 1)));
  });
  const mean = sumOf(parts, ({ m, n }) => (m * n) / 2);
  return variance <= 0 ? [1, 1] : normalTails(statistic, mean, Math.sqrt(variance));
}

/**
 * Hodges–Lehmann estimate of the shift from base to head, the median of all differences head − base, and the interval
 * of all shifts that the two-sided Mann–Whitney test does not reject: exact critical value up to 50 values a side,
 * normal beyond. Unbounded when there are too few values for the confidence.
 *
 * Source: Hodges and Lehmann 1963; Hollander, Wolfe and Chicken, 4.2 and 4.3.
 */
export function rankSumEstimate(
  base: readonly number[],
  head: readonly number[],
  confidence: number,
): Estimate {
  return stratifiedRankSumEstimate([{ base, head }], confidence);
}

/** The same over strata: the differences within each, and the shifts that {@link stratifiedRankSumTest} does not reject. */
export function stratifiedRankSumEstimate(strata: readonly Stratum[], confidence: number): Estimate {
  const differences = strata
    .flatMap(({ base, head }) => head.flatMap((after) => base.map((before) => after - before)))
    .sort((a, b) => a - b);
  const sizes = strata.map(({ base, head }) => ({ m: head.length, n: base.length }));
  return orderStatistics(differences, depthOf(sizes, (1 - confidence) / 2));
}

/** The greatest k with P(U ≤ k − 1) ≤ tail. */
function depthOf(sizes: readonly Pick<Part, 'm' | 'n'>[], tail: number): number {
  if (sizes.every(({ m, n }) => m <= EXACT_UP_TO && n <= EXACT_UP_TO)) return exactDepth(waysOf(sizes), tail);
  const mean = sumOf(sizes, ({ m, n }) => (m * n) / 2);
  return normalDepth(tail, mean, Math.sqrt(sumOf(sizes, ({ m, n }) => (m * n * (m + n + 1)) / 12)));
}
