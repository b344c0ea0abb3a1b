import { normalCdf } from './normal.ts';

/**
 * Error that may have been spent at a share of the planned information, of `alpha` at its end: in proportion. A function
 * of Pocock's type spends earlier and finds less at the end: 97.7 % instead of 98.4 % of changes of 5 % at a scatter of
 * 6.4 %. Source: Lan and DeMets 1983; Kim and DeMets 1987 (this function).
 */
export function spentError(alpha: number, share: number): number {
  return alpha * Math.min(1, Math.max(0, share));
}

/**
 * The one-sided level of each look, so that a test at all of them rejects a true hypothesis with probability `alpha` at
 * most. A p-value of the data so far is compared with the level of its look.
 *
 * The statistics of the looks have independent increments and are jointly normal. The density of those not yet rejected
 * is integrated from look to look; the levels depend on the shares alone, not on how many looks follow.
 *
 * Source: Armitage, McPherson and Rowe 1969; Jennison and Turnbull, Group Sequential Methods, 7.2 and 19.
 *
 * @param shares of the planned information at each look, ascending, the last at most 1.
 */
export function levelsOfLooks(alpha: number, shares: readonly number[]): number[] {
  const levels: number[] = [];
  let density: Density = { points: [0], weights: [1] };
  let [before, spent] = [0, 0];
  for (const share of shares) {
    const target = spentError(alpha, share);
    const bound = boundFor(density, share - before, target - spent, share);
    levels.push(normalCdf(-bound / Math.sqrt(share)));
    density = advance(density, share - before, bound, share);
    [before, spent] = [share, target];
  }
  return levels;
}

/** Probability mass of a Brownian motion that was not stopped, on points. */
interface Density {
  points: readonly number[];
  weights: readonly number[];
}

/** Points of a density, and how far below zero it is followed, in standard deviations. */
const POINTS = 400;
const BELOW = 7;

/** The bound above which this probability lies after a step. */
function boundFor(density: Density, step: number, probability: number, share: number): number {
  const deviation = Math.sqrt(step);
  const above = (bound: number) =>
    density.points.reduce(
      (sum, point, index) =>
        sum + (density.weights[index] as number) * normalCdf((point - bound) / deviation),
      0,
    );
  let [low, high] = [-BELOW * Math.sqrt(share), 12 * Math.sqrt(share)];
  for (let round = 0; round < 50; round += 1) {
    const middle = (low + high) / 2;
    if (above(middle) > probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** What is left below the bound after a step. */
function advance({ points, weights }: Density, step: number, bound: number, share: number): Density {
  const deviation = Math.sqrt(step);
  const low = -BELOW * Math.sqrt(share);
  const width = (bound - low) / POINTS;
  const next = Array.from({ length: POINTS }, (_, index) => low + (index + 0.5) * width);
  return {
    points: next,
    weights: next.map(
      (to) =>
        points.reduce((sum, from, index) => {
          const z = (to - from) / deviation;
          return sum + (weights[index] as number) * Math.exp((-z * z) / 2);
        }, 0) *
        (width / (deviation * Math.sqrt(2 * Math.PI))),
    ),
  };
}

/** The first number of blocks at which sign flips can give a p as small as this: 2⁻ⁿ. */
export function leastBlocks(level: number): number {
  return Math.ceil(-Math.log2(level));
}
