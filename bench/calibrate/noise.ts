import { type Cell, cellsOf } from '../compare/cells.ts';
import { columnsIn, figureOf, logMargin, METRICS, type Metric } from '../compare/metrics.ts';
import { CONFIDENCE } from '../compare/sample.ts';
import { spoiltBlocks } from '../results/blocks.ts';
import type { Row } from '../results/row.ts';
import { normalQuantile } from '../stats/normal.ts';
import { signedRankEstimate } from '../stats/signed-rank.ts';
import { smallestEffect } from '../stats/smallest-effect.ts';

/** How far two identical arms differ on this machine, and what can therefore be told apart. */
export interface Noise {
  metric: Metric['name'];
  label: string;
  /** Blocks that have the figure on both sides. */
  blocks: number;
  /** Standard deviation of ln(B/A) between blocks. */
  scatter: number;
  /** Hodges–Lehmann estimate of ln(B/A) and its 95 % interval: 0 lies outside when the instrument prefers a side. */
  bias: { estimate: number; lower: number; upper: number };
  /** ln ratio for the worse that a gate of {@link GATE_BLOCKS} blocks over two cells would find in 80 % of cases. */
  detectable: number;
}

/** Blocks of the gate that the detectable change is given for. */
export const GATE_BLOCKS = 24;
/** Two cells, of which CPU and throughput decide: the level of each is that share of the family's 1 %. */
const ALPHA = 0.01 / 4;

/** What the rows of two identical arms of the same blocks say about the noise of each metric. Pure. */
export function noiseOf(first: readonly Row[], second: readonly Row[]): Noise[] {
  const spoilt = spoiltBlocks([...first, ...second]);
  const [left] = [...cellsOf(first, 'the first arm', spoilt).values()];
  const [right] = [...cellsOf(second, 'the second arm', spoilt).values()];
  if (left === undefined || right === undefined) return [];
  return METRICS.flatMap((metric) => {
    const ratios = logRatios(metric, left, right);
    const scatter = standardDeviation(ratios);
    if (scatter === undefined) return [];
    const { estimate = 0, lower, upper } = signedRankEstimate(ratios, CONFIDENCE);
    return {
      metric: metric.name,
      label: metric.label,
      blocks: ratios.length,
      scatter,
      bias: { estimate, lower, upper },
      detectable: detectableBy(scatter, metric),
    };
  });
}

/** ln(second / first) of each block that has the figure on both sides. */
export function logRatios(metric: Metric, first: Cell, second: Cell): number[] {
  const columns = columnsIn(metric, [...first.blocks.values(), ...second.blocks.values()]);
  return [...first.blocks].flatMap(([block, row]) => {
    const other = second.blocks.get(block);
    const [before, after] = [figureOf(row, columns), other && figureOf(other, columns)];
    return before === undefined || after === undefined ? [] : [Math.log(after / before)];
  });
}

/** Of a sample (n − 1); `undefined` of fewer than two values. */
export function standardDeviation(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

/** The scatter of the mean falls with the square root of the number of blocks. */
function detectableBy(scatter: number, metric: Metric): number {
  const half = (scatter / Math.sqrt(GATE_BLOCKS)) * normalQuantile((1 + CONFIDENCE) / 2);
  const shift = { estimate: 0, lower: -half, upper: half };
  return smallestEffect(shift, CONFIDENCE, { alpha: ALPHA, margin: logMargin(metric) });
}
