/** What the blocks of a cell show of one metric: pairs of one run, or samples of two runs, with their test and interval. */

import type { Estimate, RankTest } from '../stats/interval.ts';
import { CONFIDENCE } from '../stats/levels.ts';
import { median } from '../stats/median.ts';
import { rankSumEstimate, rankSumTest } from '../stats/rank-sum.ts';
import { signedRankEstimate, signedRankTest } from '../stats/signed-rank.ts';
import type { Cell } from './cells.ts';
import { columnsIn, figureOf, type Metric } from './metrics.ts';

/** How files are compared: block by block, as two arms of one run; as two runs; or as several runs on each side. */
export type Method = 'paired' | 'unpaired' | 'runs';

/** The evidence of a cell's blocks, or runs, on one metric. Shifts are ln(head / base). */
export interface Evidence {
  method: Method;
  /** Blocks with the figure on each side, equal when paired; by the method `runs`, runs. */
  blocks: { base: number; head: number };
  /** Medians of the figures as in the files, in the metric's unit. */
  medians: { base: number | undefined; head: number | undefined };
  shift: Estimate;
  test: RankTest;
  /** The smallest one-sided p that these runs can give; by the method `runs` alone. */
  smallestP?: number;
}

/**
 * The interval and p of an evidence; `undefined` for two runs, whose blocks do not show the differences between runs.
 */
export function certaintyOf(evidence: Evidence): Pick<Evidence, 'shift' | 'test'> | undefined {
  return evidence.method === 'unpaired' ? undefined : evidence;
}

/** What an evidence counts. */
export const unitOf = ({ method }: Pick<Evidence, 'method'>) => (method === 'runs' ? 'runs' : 'blocks');

/**
 * The evidence of both sides' valid blocks on a metric, by this method.
 *
 * For two runs, interval and p are those of blocks, which differ less within a run than runs do: for identical code
 * they reported a difference in 56 % of pairs. They describe these two runs, and decide nothing.
 */
export function evidenceOf(
  metric: Metric,
  method: Exclude<Method, 'runs'>,
  { base, head }: { base: Cell; head: Cell },
  confidence: number = CONFIDENCE,
): Evidence {
  const isPaired = method === 'paired';
  const [before, after] = isPaired ? pairedFigures(metric, base, head) : allFigures(metric, base, head);
  const [logBefore, logAfter] = [before.map(Math.log), after.map(Math.log)];
  const ratios = isPaired ? logRatios(before, after) : [];
  return {
    method,
    blocks: { base: before.length, head: after.length },
    medians: { base: median(before), head: median(after) },
    shift: isPaired
      ? signedRankEstimate(ratios, confidence)
      : rankSumEstimate(logBefore, logAfter, confidence),
    test: isPaired ? signedRankTest(ratios) : rankSumTest(logBefore, logAfter),
  };
}

type Figures = [base: number[], head: number[]];

/** The figures of all blocks of two runs. */
function allFigures(metric: Metric, base: Cell, head: Cell): Figures {
  const columns = columnsOf(metric, base, head);
  return [base, head].map(({ blocks }) =>
    [...blocks.values()].map((row) => figureOf(row, columns)).filter((figure) => figure !== undefined),
  ) as Figures;
}

/** The figures of two arms of one run, in the blocks that have both: each block is one comparison. */
export function pairedFigures(metric: Metric, base: Cell, head: Cell): Figures {
  const columns = columnsOf(metric, base, head);
  const figures: Figures = [[], []];
  for (const [block, row] of base.blocks) {
    const other = head.blocks.get(block);
    const [before, after] = [figureOf(row, columns), other && figureOf(other, columns)];
    if (before === undefined || after === undefined) continue;
    figures[0].push(before);
    figures[1].push(after);
  }
  return figures;
}

/** ln(after / before) of each pair. */
export function logRatios(before: readonly number[], after: readonly number[]): number[] {
  return before.map((figure, index) => Math.log((after[index] as number) / figure));
}

function columnsOf(metric: Metric, base: Cell, head: Cell) {
  return columnsIn(metric, [...base.blocks.values(), ...head.blocks.values()]);
}
