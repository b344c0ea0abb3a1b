/** Ranks from 1 in the order of the values; equal values share the mean of their ranks (midranks). */
export interface Ranking {
  ranks: number[];
  /** Σ (t³ − t) over the groups of t equal values: the reduction of the variance by ties. 0 without ties. */
  tieTerm: number;
}

/** Midranks. Source: Lehmann, Nonparametrics: Statistical Methods Based on Ranks, 1.4. */
export function midranks(values: readonly number[]): Ranking {
  const order = values.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value);
  const ranks = values.map(() => 0);
  let tieTerm = 0;
  for (let first = 0, last = 0; first < order.length; first = last) {
    while (last < order.length && order[last]?.value === order[first]?.value) last += 1;
    const size = last - first;
    for (const { index } of order.slice(first, last)) ranks[index] = (first + 1 + last) / 2;
    tieTerm += size ** 3 - size;
  }
  return { ranks, tieTerm };
}
