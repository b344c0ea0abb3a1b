/** Levels shared by the tables, the ranking and the gate. */

/** Confidence of all intervals, two-sided; the upper bound alone has 97.5 %. */
export const CONFIDENCE = 0.95;

/** Blocks from which on intervals are shown, arms are ranked and verdicts are given. */
export const MIN_BLOCKS = 12;

/** Probability that a family of tests (a comparison, or a figure of a group) reports any difference without one. */
export const FAMILY_ALPHA = 0.01;
