import { type Estimate, orderStatistics, type RankTest, twoSided } from './interval.ts';
import { midranks } from './ranks.ts';
import { exactDepth, exactTails, normalDepth, normalTails } from './tails.ts';

/** Up to this many values on each side, without ties, the distribution is enumerated exactly. */
const EXACT_UP_TO = 50;

/**
 * Mann and Whitney's U test that two independent samples come from one distribution; *up* is head above base.
 *
 * Exact without ties up to 50 values a side; otherwise normal with correction for continuity and ties. p is 1 when a
 * side is empty or all values are equal.
 *
 * Source: Mann and Whitney 1947; Lehmann, Nonparametrics, 1.2 to 1.4.
 */
export function rankSumTest(base: readonly number[], head: readonly number[]): RankTest {
  const { ranks, tieTerm } = midranks([...head, ...base]);
  const [m, n] = [head.length, base.length];
  const rankSum = ranks.slice(0, m).reduce((sum, rank) => sum + rank, 0);
  const statistic = rankSum - (m * (m + 1)) / 2;
  const exact = tieTerm === 0 && m <= EXACT_UP_TO && n <= EXACT_UP_TO;
  const [pUp, pDown] = exact ? exactTails(waysByU(m, n), statistic) : tiedTails(m, n, tieTerm, statistic);
  return { count: m + n, statistic, pUp, pDown, pTwoSided: twoSided(pUp, pDown), exact };
}

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

function tiedTails(m: number, n: number, tieTerm: number, statistic: number): [up: number, down: number] {
  const all = m + n;
  const variance = all < 2 ? 0 : ((m * n) / 12) * (all + 1 - tieTerm / (all * (all - 1)));
  return variance <= 0 ? [1, 1] : normalTails(statistic, (m * n) / 2, Math.sqrt(variance));
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
  const differences = head.flatMap((after) => base.map((before) => after - before)).sort((a, b) => a - b);
  return orderStatistics(differences, rankSumDepth(head.length, base.length, (1 - confidence) / 2));
}

/** The greatest k with P(U ≤ k − 1) ≤ tail. */
function rankSumDepth(m: number, n: number, tail: number): number {
  return m > EXACT_UP_TO || n > EXACT_UP_TO
    ? normalDepth(tail, (m * n) / 2, Math.sqrt((m * n * (m + n + 1)) / 12))
    : exactDepth(waysByU(m, n), tail);
}
