import type { Estimate } from './interval.ts';
import { normalQuantile } from './normal.ts';

/** Probability of detecting the effect. */
const POWER = 0.8;

/** The condition for a detection: a one-sided test at level `alpha`, and an estimate of at least `margin`. */
export interface DetectionRule {
  alpha: number;
  margin: number;
}

/**
 * The smallest true shift that the rule would detect in 80 % of such comparisons: z₀.₈ standard errors above what the
 * estimate has to reach, which is the greater of z₁₋α standard errors and the margin. The standard error is the length
 * of the interval over 2 z: it depends only on the scatter, not on the estimate. Infinite when the interval is
 * unbounded.
 *
 * Source: Lehmann 1963 (interval length as a measure of scatter); the usual normal approximation of power.
 */
export function smallestEffect({ lower, upper }: Estimate, confidence: number, rule: DetectionRule): number {
  const standardError = (upper - lower) / (2 * normalQuantile((1 + confidence) / 2));
  return (
    Math.max(normalQuantile(1 - rule.alpha) * standardError, rule.margin) +
    normalQuantile(POWER) * standardError
  );
}
