/** Bounds of a probability, from 0 to 1. */
export interface Bounds {
  lower: number;
  upper: number;
}

/**
 * The exact interval of a probability after `successes` of `trials`: every probability that neither one-sided binomial
 * test rejects at half the error. Wide for few trials: 0 of 60 leaves up to 6 %.
 *
 * Source: Clopper and Pearson 1934.
 */
export function binomialInterval(successes: number, trials: number, confidence: number): Bounds {
  const tail = (1 - confidence) / 2;
  return {
    lower: successes === 0 ? 0 : solve((p) => chanceOf(successes, trials, trials, p) > tail),
    upper: binomialUpperBound(successes, trials, 1 - tail),
  };
}

/** The greatest probability at which this few successes have a chance of at least 1 − `confidence`, one-sided. */
export function binomialUpperBound(successes: number, trials: number, confidence: number): number {
  if (successes >= trials) return 1;
  return solve((p) => chanceOf(0, successes, trials, p) < 1 - confidence);
}

/** The smallest p for which the condition holds, by bisection: it is false below, true above. */
function solve(holds: (p: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}

/** P(from ≤ X ≤ to) of n trials. */
function chanceOf(from: number, to: number, n: number, p: number): number {
  let sum = 0;
  for (let count = from; count <= to; count += 1) sum += probability(count, n, p);
  return sum;
}

function probability(k: number, n: number, p: number): number {
  if (p <= 0 || p >= 1) return Number(p <= 0 ? k === 0 : k === n);
  let logWays = 0;
  for (let step = 1; step <= k; step += 1) logWays += Math.log((n - k + step) / step);
  return Math.exp(logWays + k * Math.log(p) + (n - k) * Math.log(1 - p));
}
