import type { Estimate } from './interval.ts';
import { normalQuantile } from './normal.ts';

/** How often the effect would have been found. */
const POWER = 0.8;

/**
 * The smallest true shift that a one-sided rank test at level `alpha` would have found in 80 % of such comparisons:
 * (z₁₋α + z₀.₈) standard errors. The standard error is the length of the interval over 2 z, so that it comes from the
 * scatter alone and does not see where the estimate lies. Infinite when the interval is unbounded.
 *
 * Source: Lehmann 1963 (interval length as a measure of scatter); the usual normal approximation of power.
 */
export function smallestEffect({ lower, upper }: Estimate, confidence: number, alpha: number): number {
  const standardError = (upper - lower) / (2 * normalQuantile((1 + confidence) / 2));
  return (normalQuantile(1 - alpha) + normalQuantile(POWER)) * standardError;
}
