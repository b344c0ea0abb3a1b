import type { Estimate } from './interval.ts';
import { median } from './median.ts';
import { mean } from './moments.ts';
import { normalCdf } from './normal.ts';

/** Beyond this no finite number of blocks carries anything. */
const MAX_CORRELATION = 0.9;

/**
 * Correlation of neighbours in a sequence, without the downward bias of short ones, from 0 to 0.9; 0 for fewer than six
 * values and for equal ones.
 *
 * Source: Kendall 1954 (E r₁ ≈ ρ − (1 + 3ρ) / (n − 1)).
 */
export function neighbourCorrelation(values: readonly number[]): number {
  const count = values.length;
  if (count < 6) return 0;
  const centre = mean(values);
  const deviations = values.map((value) => value - centre);
  const squares = deviations.reduce((sum, one) => sum + one * one, 0);
  if (squares === 0) return 0;
  const products = deviations.reduce((sum, one, index) => sum + one * (deviations[index - 1] ?? 0), 0);
  const unbiased = ((products / squares) * (count - 1) + 1) / (count - 4);
  return Math.min(MAX_CORRELATION, Math.max(0, unbiased));
}

/**
 * The interval of an estimate, as wide as it is for values of which neighbours are alike: by √((1 + ρ) / (1 − ρ)), the
 * factor by which they scatter more about their mean (first-order autoregression). Never narrower.
 *
 * Source: Bartlett 1946; Priestley, Spectral Analysis and Time Series, 5.3.2.
 */
export function widenedBy({ estimate, lower, upper }: Estimate, values: readonly number[]): Estimate {
  if (estimate === undefined) return { estimate, lower, upper };
  const correlation = neighbourCorrelation(values);
  const factor = Math.sqrt((1 + correlation) / (1 - correlation));
  return {
    estimate,
    lower: estimate - factor * (estimate - lower),
    upper: estimate + factor * (upper - estimate),
  };
}

/** How a figure depends on another one of the same block. */
export interface Dependence {
  /** Two-sided p of Kendall's test that it does not. */
  p: number;
  /** Medians of the figure in the blocks where the other one is below its median, and in the rest. */
  below: number;
  above: number;
}

/**
 * Whether a figure depends on another one, by Kendall's τ in its normal approximation without correction for ties,
 * which suits ten values and more. `undefined` for fewer.
 *
 * Source: Kendall, Rank Correlation Methods, 4.2 and 5.4.
 */
export function dependenceOn(points: readonly { on: number; figure: number }[]): Dependence | undefined {
  const count = points.length;
  if (count < 10) return undefined;
  const sorted = [...points].sort((a, b) => a.on - b.on);
  let balance = 0;
  for (const [index, first] of sorted.entries()) {
    for (const second of sorted.slice(index + 1)) {
      if (second.on > first.on) balance += Math.sign(second.figure - first.figure);
    }
  }
  const deviation = Math.sqrt((count * (count - 1) * (2 * count + 5)) / 18);
  // S moves in steps of two: half a step is the correction for continuity.
  const distance = Math.max(0, Math.abs(balance) - 1);
  const half = Math.floor(count / 2);
  const figures = sorted.map(({ figure }) => figure);
  return {
    p: Math.min(1, 2 * (1 - normalCdf(distance / deviation))),
    below: median(figures.slice(0, half)) as number,
    above: median(figures.slice(count - half)) as number,
  };
}
