import { type Estimate, orderStatistics, type RankTest, twoSided } from './interval.ts';
import { normalCdf, normalQuantile } from './normal.ts';
import { midranks } from './ranks.ts';

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
  const [pUp, pDown] = exact ? exactTails(m, n, statistic) : normalTails(m, n, tieTerm, statistic);
  return { count: m + n, statistic, pUp, pDown, pTwoSided: twoSided(pUp, pDown), exact };
}

function exactTails(m: number, n: number, statistic: number): [up: number, down: number] {
  const ways = waysByU(m, n);
  const sumOf = (from: number, to: number) => ways.slice(from, to).reduce((sum, way) => sum + way, 0);
  const total = sumOf(0, ways.length);
  return [sumOf(statistic, ways.length) / total, sumOf(0, statistic + 1) / total];
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

function normalTails(m: number, n: number, tieTerm: number, statistic: number): [up: number, down: number] {
  const all = m + n;
  const variance = all < 2 ? 0 : ((m * n) / 12) * (all + 1 - tieTerm / (all * (all - 1)));
  if (variance <= 0) return [1, 1];
  const [mean, deviation] = [(m * n) / 2, Math.sqrt(variance)];
  return [normalCdf(-(statistic - mean - 0.5) / deviation), normalCdf((statistic - mean + 0.5) / deviation)];
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
  if (m > EXACT_UP_TO || n > EXACT_UP_TO) {
    const deviation = Math.sqrt((m * n * (m + n + 1)) / 12);
    return Math.max(0, Math.floor((m * n) / 2 + normalQuantile(tail) * deviation));
  }
  const ways = waysByU(m, n);
  const total = ways.reduce((sum, way) => sum + way, 0);
  let [depth, below] = [0, 0];
  while (depth < ways.length) {
    below += (ways[depth] as number) / total;
    if (below > tail) break;
    depth += 1;
  }
  return depth;
}
