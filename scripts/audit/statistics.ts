/** The statistics of the published figures, written anew from their definitions. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) throw new Error('expected values, got none');
  return ((sorted[Math.ceil(middle) - 1] as number) + (sorted[Math.floor(middle)] as number)) / 2;
}

export const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** With n − 1. */
export function deviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

/** Estimate, lower and upper end. */
export type Interval = readonly [estimate: number, lower: number, upper: number];

/** Hodges–Lehmann estimate, and the 95 % interval of the exact signed-rank test (Hollander and Wolfe, 3.2 and 3.3). */
export function centre(values: readonly number[]): Interval {
  const walsh: number[] = [];
  for (let i = 0; i < values.length; i += 1)
    for (let j = i; j < values.length; j += 1)
      walsh.push(((values[i] as number) + (values[j] as number)) / 2);
  walsh.sort((a, b) => a - b);
  const depth = depthFor(values.length, 0.025);
  return [
    median(walsh),
    depth === 0 ? Number.NEGATIVE_INFINITY : (walsh[depth - 1] as number),
    depth === 0 ? Number.POSITIVE_INFINITY : (walsh[walsh.length - depth] as number),
  ];
}

/** As {@link centre}, of positive figures by their logarithms. */
export function positiveCentre(values: readonly number[]): Interval {
  const [estimate, lower, upper] = centre(values.map(Math.log));
  return [Math.exp(estimate), Math.exp(lower), Math.exp(upper)];
}

/** The greatest k with P(V < k) at most `tail`, V being the sum of the positive ranks. */
function depthFor(count: number, tail: number): number {
  let ways = [1];
  for (let rank = 1; rank <= count; rank += 1) {
    const next = new Array<number>(ways.length + rank).fill(0);
    for (const [sum, number] of ways.entries()) {
      next[sum] = (next[sum] as number) + number;
      next[sum + rank] = (next[sum + rank] as number) + number;
    }
    ways = next;
  }
  let below = 0;
  for (const [sum, number] of ways.entries()) {
    below += number / 2 ** count;
    if (below > tail) return sum;
  }
  return ways.length;
}

/** The interval, wider by √((1 + ρ) / (1 − ρ)) where neighbours are alike by ρ (docs/measurement.md). */
export function widened([estimate, lower, upper]: Interval, values: readonly number[]): Interval {
  const centred = values.map((value) => value - mean(values));
  const squares = centred.reduce((sum, value) => sum + value * value, 0);
  const products = centred
    .slice(1)
    .reduce((sum, value, index) => sum + value * (centred[index] as number), 0);
  const count = values.length;
  const unbiased = squares === 0 ? 0 : ((products / squares) * (count - 1) + 1) / (count - 4);
  const rho = Math.min(0.9, Math.max(0, unbiased));
  const factor = Math.sqrt((1 + rho) / (1 - rho));
  return [estimate, estimate - factor * (estimate - lower), estimate + factor * (upper - estimate)];
}

/** Clopper and Pearson's interval of a share; `tail` on either side. */
export function shareInterval(hits: number, count: number, tail: number): [lower: number, upper: number] {
  const lower = hits === 0 ? 0 : solve((p) => atLeast(hits, count, p) - tail);
  const upper = hits === count ? 1 : solve((p) => tail - (1 - atLeast(hits + 1, count, p)));
  return [lower, upper];
}

function atLeast(hits: number, count: number, p: number): number {
  let sum = 0;
  let ways = 1;
  for (let k = 0; k <= count; k += 1) {
    if (k >= hits) sum += ways * p ** k * (1 - p) ** (count - k);
    ways = (ways * (count - k)) / (k + 1);
  }
  return sum;
}

/** Zero of a function that rises from 0 to 1. */
function solve(rising: (p: number) => number): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (rising(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** What a difference of logarithms is in %. */
export const percent = (log: number) => Math.expm1(log) * 100;

/** Slope of the least-squares line. */
export function slope(x: readonly number[], y: readonly number[]): number {
  const [mx, my] = [mean(x), mean(y)];
  const products = x.map((value, index) => (value - mx) * ((y[index] as number) - my));
  return mean(products) / mean(x.map((value) => (value - mx) ** 2));
}
