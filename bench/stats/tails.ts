import { normalCdf, normalQuantile } from './normal.ts';

/** The tails of a rank statistic T. */
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
