import { type Estimate, orderStatistics, type RankTest, twoSided } from './interval.ts';
import { midranks } from './ranks.ts';
import { exactDepth, exactTails, normalDepth, normalTails } from './tails.ts';

/** Up to this many values the distribution is enumerated exactly: the counts are exact below 2^53. */
const EXACT_UP_TO = 50;

/**
 * Wilcoxon's signed-rank test that paired differences are centred on zero.
 *
 * Zeros are dropped (Wilcoxon 1945), not ranked (Pratt 1959): R and SciPy do so by default, and only identical data
 * give zeros here. For up to 50 others the p-values are exact for the actual ranks, with midranks for ties: every
 * choice of signs is counted. Beyond, normal with correction for continuity and ties. Without any other values, p is 1.
 *
 * Source: Lehmann, Nonparametrics, 3.2; Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3.1.
 */
export function signedRankTest(differences: readonly number[]): RankTest {
  const values = differences.filter((difference) => difference !== 0);
  const { ranks, tieTerm } = midranks(values.map(Math.abs));
  const statistic = ranks.reduce((sum, rank, index) => sum + ((values[index] as number) > 0 ? rank : 0), 0);
  const count = values.length;
  if (count === 0) return { count, statistic, pUp: 1, pDown: 1, pTwoSided: 1, exact: true };
  const exact = count <= EXACT_UP_TO;
  // Midranks are whole or half numbers: doubled, sums are whole and index the counts.
  const [pUp, pDown] = exact
    ? exactTails(waysBySum(ranks.map((rank) => 2 * rank)), 2 * statistic)
    : normalTails(statistic, meanOf(count), Math.sqrt(varianceOf(count) - tieTerm / 48));
  return { count, statistic, pUp, pDown, pTwoSided: twoSided(pUp, pDown), exact };
}

/** Of the sum of the positive ranks, when each is positive with probability one half and none are tied. */
const meanOf = (count: number) => (count * (count + 1)) / 4;
const varianceOf = (count: number) => (count * (count + 1) * (2 * count + 1)) / 24;

/** For each sum the number of subsets with it; by dynamic programming over the ranks. */
function waysBySum(ranks: readonly number[]): number[] {
  const ways = [1, ...new Array<number>(ranks.reduce((sum, rank) => sum + rank, 0)).fill(0)];
  let reached = 0;
  for (const rank of ranks) {
    for (let sum = reached; sum >= 0; sum -= 1) ways[sum + rank] = (ways[sum + rank] ?? 0) + (ways[sum] ?? 0);
    reached += rank;
  }
  return ways;
}

/**
 * Hodges–Lehmann estimate of the centre of paired differences, the median of the Walsh averages (x_i + x_j) / 2 with i
 * ≤ j, and the interval of all centres that the two-sided signed-rank test does not reject.
 *
 * The interval ends at the order statistic of the exact critical value (normal beyond 50 values), and has at least the
 * requested confidence. Zeros are kept here: shifted by any other centre they are not zeros. Unbounded when there are
 * too few values for the confidence (below 6 for 95 %).
 *
 * Source: Hodges and Lehmann 1963; Hollander, Wolfe and Chicken, 3.2 and 3.3.
 */
export function signedRankEstimate(differences: readonly number[], confidence: number): Estimate {
  const averages = differences.flatMap((first, index) =>
    differences.slice(index).map((second) => (first + second) / 2),
  );
  averages.sort((a, b) => a - b);
  return orderStatistics(averages, signedRankDepth(differences.length, (1 - confidence) / 2));
}

/** The greatest k with P(V ≤ k − 1) ≤ tail: the distance of the interval's ends from those of the Walsh averages. */
function signedRankDepth(count: number, tail: number): number {
  return count > EXACT_UP_TO
    ? normalDepth(tail, meanOf(count), Math.sqrt(varianceOf(count)))
    : exactDepth(waysBySum(Array.from({ length: count }, (_, index) => index + 1)), tail);
}
