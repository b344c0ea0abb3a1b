import type { Estimate } from '../stats/interval.ts';
import type { Dependence } from '../stats/serial.ts';

/** Two arms by one figure, over the blocks that have it for both. */
export interface Pair {
  first: string;
  second: string;
  blocks: number;
  /**
   * ln(first / second): Hodges–Lehmann, with its 95 % interval, widened where neighbouring blocks are alike; not
   * adjusted for the number of pairs.
   */
  shift: Estimate;
  /** Two-sided exact signed-rank p, adjusted by Holm over all pairs of the group and figure; 1 below 12 blocks. */
  pHolm: number;
  /** The better one; `undefined` when no difference is shown. */
  better: string | undefined;
  /**
   * Where ln(first / second) depends on the machine's speed (p at most 1 % after Holm): `below` in the faster half of
   * the blocks, `above` in the slower.
   */
  bySpeed?: Dependence;
}

/**
 * The arms, best first: by the mean of their shifts against all others, which are taken within blocks. Two neighbours
 * that a pair test ranks the other way are swapped, as long as that terminates; tests can contradict one another in a
 * cycle.
 */
export function sortByRank(
  names: readonly string[],
  pairs: readonly Pair[],
  better: 'lower' | 'higher',
): string[] {
  const sign = better === 'lower' ? 1 : -1;
  const score = (name: string) => {
    const shifts = pairs.flatMap(({ first, second, shift }) => {
      if (shift.estimate === undefined) return [];
      return first === name ? [shift.estimate] : second === name ? [-shift.estimate] : [];
    });
    return shifts.reduce((sum, shift) => sum + shift, 0) * sign;
  };
  const scores = new Map(names.map((name) => [name, score(name)]));
  const ordered = [...names].sort((a, b) => (scores.get(a) ?? 0) - (scores.get(b) ?? 0));
  for (let pass = 0; pass < ordered.length; pass += 1) {
    for (let place = 0; place + 1 < ordered.length; place += 1) {
      const [one, next] = [ordered[place] as string, ordered[place + 1] as string];
      if (betterOf(pairs, one, next) !== next) continue;
      ordered[place] = next;
      ordered[place + 1] = one;
    }
  }
  return ordered;
}

/** The better of the two by their pair test; `undefined` when no difference is shown. */
export function betterOf(pairs: readonly Pair[], one: string, other: string): string | undefined {
  return pairOf(pairs, one, other)?.better;
}

/** The pair of these two, in either order. */
export function pairOf(pairs: readonly Pair[], one: string, other: string): Pair | undefined {
  return pairs.find(
    ({ first, second }) => (first === one && second === other) || (first === other && second === one),
  );
}
