import type { Estimate, RankTest } from '../stats/interval.ts';
import { median } from '../stats/median.ts';
import { rankSumEstimate, rankSumTest } from '../stats/rank-sum.ts';
import { signedRankEstimate, signedRankTest } from '../stats/signed-rank.ts';
import type { Cell } from './cells.ts';
import { columnsIn, figureOf, type Metric } from './metrics.ts';

/** Of the intervals shown, two-sided; its upper bound alone has 97.5 %. */
export const CONFIDENCE = 0.95;

/** How two files are held against each other: block by block; each by its own control; or as they are. */
export type Method = 'paired' | 'through-control' | 'unpaired';

/** What the blocks of a cell say about one metric. Shifts are ln(head / base). */
export interface Evidence {
  method: Method;
  /** Blocks on each side that have the figure; equal when paired. */
  blocks: { base: number; head: number };
  /** Of the figures as they are in the files, in the metric's unit. */
  medians: { base: number | undefined; head: number | undefined };
  shift: Estimate;
  test: RankTest;
  /** The least p that so many blocks can give. */
  leastP: number;
}

/** The rows of a cell in one file, with those of the control of its group by block. */
export interface Side {
  cell: Cell;
  control: Cell | undefined;
}

/** What both sides' valid blocks say about a metric, by this method. */
export function evidenceOf(metric: Metric, method: Method, base: Side, head: Side): Evidence {
  if (method === 'paired') return pairedEvidence(metric, base.cell, head.cell);
  const [before, after] = [base, head].map((side) => figuresOf(metric, method, side, [base, head])) as [
    Figures,
    Figures,
  ];
  const blocks = { base: before.logs.length, head: after.logs.length };
  return {
    method,
    blocks,
    medians: { base: median(before.raw), head: median(after.raw) },
    shift: rankSumEstimate(before.logs, after.logs, CONFIDENCE),
    test: rankSumTest(before.logs, after.logs),
    leastP: 1 / binomial(blocks.base + blocks.head, blocks.base),
  };
}

/** Two files of one run: blocks with an id in common, each its own comparison. */
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
    leastP: 2 ** -pairs.length,
  };
}

interface Figures {
  raw: number[];
  logs: number[];
}

/** The figures of one side, and their logarithms after division by the control of the same block where there is one. */
function figuresOf(metric: Metric, method: Method, side: Side, sides: readonly Side[]): Figures {
  const columns = columnsIn(metric, rowsOf(sides.map(({ cell }) => cell)));
  const controlColumns = columnsIn(metric, rowsOf(sides.map(({ control }) => control)));
  const figures: Figures = { raw: [], logs: [] };
  for (const [block, row] of side.cell.blocks) {
    const control = side.control?.blocks.get(block);
    const figure = figureOf(row, columns);
    const divisor = method === 'unpaired' ? 1 : control && figureOf(control, controlColumns);
    if (figure === undefined || divisor === undefined) continue;
    figures.raw.push(figure);
    figures.logs.push(Math.log(figure / divisor));
  }
  return figures;
}

function rowsOf(cells: readonly (Cell | undefined)[]) {
  return cells.flatMap((cell) => [...(cell?.blocks.values() ?? [])]);
}

function binomial(n: number, k: number): number {
  let ways = 1;
  for (let step = 1; step <= k; step += 1) ways *= (n - k + step) / step;
  return ways;
}
