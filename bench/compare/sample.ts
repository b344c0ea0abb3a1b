import type { Estimate, RankTest } from '../stats/interval.ts';
import { CONFIDENCE } from '../stats/levels.ts';
import { median } from '../stats/median.ts';
import { rankSumEstimate, rankSumTest } from '../stats/rank-sum.ts';
import { signedRankEstimate, signedRankTest } from '../stats/signed-rank.ts';
import type { Cell } from './cells.ts';
import { columnsIn, figureOf, type Metric } from './metrics.ts';

/** How two files are compared: block by block, as two arms of one run, or as two runs. */
export type Method = 'paired' | 'unpaired';

/** The evidence of a cell's blocks on one metric. Shifts are ln(head / base). */
export interface Evidence {
  method: Method;
  /** Blocks with the figure on each side; equal when paired. */
  blocks: { base: number; head: number };
  /** Medians of the figures as in the files, in the metric's unit. */
  medians: { base: number | undefined; head: number | undefined };
  shift: Estimate;
  test: RankTest;
}

/**
 * The interval and p of an evidence; `undefined` for two runs, whose blocks do not show the differences between runs.
 */
export function certaintyOf({
  method,
  shift,
  test,
}: Evidence): { shift: Estimate; test: RankTest } | undefined {
  return method === 'paired' ? { shift, test } : undefined;
}

/** The evidence of both sides' valid blocks on a metric, by this method. */
export function evidenceOf(metric: Metric, method: Method, base: Cell, head: Cell): Evidence {
  return method === 'paired' ? pairedEvidence(metric, base, head) : unpairedEvidence(metric, base, head);
}

/**
 * Two files of two runs. Interval and p are those of blocks, which differ less within a run than runs do: for identical
 * code they reported a difference in 56 % of pairs. They describe these two runs, and decide nothing.
 */
function unpairedEvidence(metric: Metric, base: Cell, head: Cell): Evidence {
  const columns = columnsIn(metric, [...base.blocks.values(), ...head.blocks.values()]);
  const [before, after] = [base, head].map(({ blocks }) =>
    [...blocks.values()].map((row) => figureOf(row, columns)).filter((figure) => figure !== undefined),
  ) as [number[], number[]];
  const logs = [before.map(Math.log), after.map(Math.log)] as const;
  return {
    method: 'unpaired',
    blocks: { base: before.length, head: after.length },
    medians: { base: median(before), head: median(after) },
    shift: rankSumEstimate(...logs, CONFIDENCE),
    test: rankSumTest(...logs),
  };
}

/** Two files of one run: blocks with a common id, each one comparison. */
function pairedEvidence(metric: Metric, base: Cell, head: Cell): Evidence {
  const columns = columnsIn(metric, [...base.blocks.values(), ...head.blocks.values()]);
  const pairs = [...base.blocks].flatMap(([block, row]) => {
    const other = head.blocks.get(block);
    const [before, after] = [figureOf(row, columns), other && figureOf(other, columns)];
    return before === undefined || after === undefined ? [] : [{ before, after }];
  });
  const differences = pairs.map(({ before, after }) => Math.log(after / before));
  return {
    method: 'paired',
    blocks: { base: pairs.length, head: pairs.length },
    medians: {
      base: median(pairs.map(({ before }) => before)),
      head: median(pairs.map(({ after }) => after)),
    },
    shift: signedRankEstimate(differences, CONFIDENCE),
    test: signedRankTest(differences),
  };
}
