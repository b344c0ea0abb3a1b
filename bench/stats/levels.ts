/** Levels shared by the tables, the ranking and the gate. */

/** Confidence of all intervals, two-sided; the upper bound alone has 97.5 %. */
export const CONFIDENCE = 0.95;

/** Blocks from which on intervals are shown, arms are ranked and verdicts are given. */
export const MIN_BLOCKS = 12;

/**
 * Runs on each side from which on a comparison of runs gives verdicts. With four, an exact rank test cannot go below
 * 1.4 %; with six it reaches 0.11 %, which Holm's adjustment over the eight deciding figures of four cells needs.
 */
export const MIN_RUNS = 6;

/** Probability that a family of tests (a comparison, or a figure of a group) reports any difference without one. */
export const FAMILY_ALPHA = 0.01;
