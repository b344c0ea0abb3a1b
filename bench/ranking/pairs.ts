import { blockKey } from '../results/blocks.ts';
import type { Figure } from '../results/figures.ts';
import type { Row } from '../results/row.ts';
import { holmAdjusted } from '../stats/holm.ts';
import { CONFIDENCE, FAMILY_ALPHA, MIN_BLOCKS } from '../stats/levels.ts';
import { mean } from '../stats/moments.ts';
import { type Dependence, dependenceOn, widenedBy } from '../stats/serial.ts';
import { signedRankEstimate, signedRankTest } from '../stats/signed-rank.ts';
import type { Pair } from './order.ts';

/** An arm with its figure in each block that has it, in the order of time. */
export interface MeasuredArm {
  name: string;
  figures: ReadonlyMap<string, number>;
}

/** A size that changes by less than this with the machine's speed is not worth a sentence. */
const LEAST_CHANGE = Math.log(1.03);

/**
 * How slow the machine was in each block, as a logarithm: the mean over the arms of what a request costs the load
 * generator, which does the same for all. Empty where that is not known.
 */
export function speedsOf(rows: readonly Row[]): ReadonlyMap<string, number> {
  const costs = new Map<string, number[]>();
  for (const row of rows) {
    const cost = row.cpu_us_per_req_generator;
    if (cost === undefined || cost <= 0) continue;
    costs.set(blockKey(row), [...(costs.get(blockKey(row)) ?? []), Math.log(cost)]);
  }
  return new Map([...costs].map(([block, values]) => [block, mean(values)]));
}

/** Every pair of the arms, all together, for Holm. A pair with too few blocks takes part in it, and is a tie. */
export function judgePairs(
  arms: readonly MeasuredArm[],
  speeds: ReadonlyMap<string, number>,
  { better }: Figure,
): Pair[] {
  const all = arms.flatMap((first, index) =>
    arms.slice(index + 1).map((second) => differencesOf(first, second, speeds)),
  );
  const tests = all.map(({ logs }) => signedRankTest(logs));
  const hasEnough = (index: number) => (all[index]?.logs.length ?? 0) >= MIN_BLOCKS;
  const adjusted = holmAdjusted(tests.map(({ pTwoSided }, index) => (hasEnough(index) ? pTwoSided : 1)));
  const dependences = all.map(({ bySpeed }, index) => (hasEnough(index) ? dependenceOn(bySpeed) : undefined));
  const adjustedDependences = holmAdjusted(dependences.map((one) => one?.p ?? 1));
  return all.map(({ first, second, logs }, index) => {
    const pHolm = adjusted[index] as number;
    const firstIsHigher = (tests[index]?.pUp ?? 1) < (tests[index]?.pDown ?? 1);
    const winner = firstIsHigher === (better === 'higher') ? first : second;
    const shift = widenedBy(signedRankEstimate(logs, CONFIDENCE), logs);
    const isShown = pHolm <= FAMILY_ALPHA && (shift.lower > 0 || shift.upper < 0);
    const dependence = dependences[index];
    const isDependent = (adjustedDependences[index] as number) <= FAMILY_ALPHA && isLarge(dependence);
    return {
      first,
      second,
      blocks: logs.length,
      shift,
      pHolm,
      better: isShown ? winner : undefined,
      ...(isDependent && dependence !== undefined ? { bySpeed: dependence } : {}),
    };
  });
}

const isLarge = (dependence: Dependence | undefined) =>
  dependence !== undefined && Math.abs(dependence.above - dependence.below) >= LEAST_CHANGE;

interface Differences {
  first: string;
  second: string;
  /** ln(first / second), one for each block that has both. */
  logs: number[];
  /** The same beside the machine's slowness in that block, where it is known. */
  bySpeed: { on: number; figure: number }[];
}

function differencesOf(
  first: MeasuredArm,
  second: MeasuredArm,
  speeds: ReadonlyMap<string, number>,
): Differences {
  const logs: number[] = [];
  const bySpeed: Differences['bySpeed'] = [];
  for (const [block, figure] of first.figures) {
    const other = second.figures.get(block);
    if (other === undefined) continue;
    const log = Math.log(figure / other);
    const on = speeds.get(block);
    logs.push(log);
    if (on !== undefined) bySpeed.push({ on, figure: log });
  }
  return { first: first.name, second: second.name, logs, bySpeed };
}
