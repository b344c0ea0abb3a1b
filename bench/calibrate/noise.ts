import { cellsOf } from '../compare/cells.ts';
import { logMargin, METRICS, type Metric } from '../compare/metrics.ts';
import { logRatios, pairedFigures } from '../compare/sample.ts';
import { spoiltBlocks } from '../results/blocks.ts';
import type { Row } from '../results/row.ts';
import { CONFIDENCE, FAMILY_ALPHA } from '../stats/levels.ts';
import { standardDeviation } from '../stats/moments.ts';
import { normalQuantile } from '../stats/normal.ts';
import { signedRankEstimate } from '../stats/signed-rank.ts';
import { smallestEffect } from '../stats/smallest-effect.ts';

/** How much two identical arms differ on this machine, and which changes are therefore detectable. */
export interface Noise {
  metric: Metric['name'];
  label: string;
  /** Blocks with the figure on both sides. */
  blocks: number;
  /** Standard deviation of ln(B/A) between blocks. */
  scatter: number;
  /** Hodges–Lehmann estimate of ln(B/A) and its 95 % interval. If 0 is outside, the instrument favours a side. */
  bias: { estimate: number; lower: number; upper: number };
  /**
   * The ln ratio for the worse that a gate of {@link GATE_BLOCKS} blocks over two cells would detect in 80 % of cases.
   */
  detectable: number;
}

/** Number of blocks in the gate for which the detectable change is given. */
export const GATE_BLOCKS = 24;
/** Two cells, each decided by CPU and throughput: the level of each is that share of the family's 1 %. */
const ALPHA = FAMILY_ALPHA / 4;

/** The noise of each metric, from the rows of two identical arms of the same blocks. Pure. */
export function noiseOf(first: readonly Row[], second: readonly Row[]): Noise[] {
  const spoilt = spoiltBlocks([...first, ...second]);
  const [left] = [...cellsOf(first, 'the first arm', spoilt).values()];
  const [right] = [...cellsOf(second, 'the second arm', spoilt).values()];
  if (left === undefined || right === undefined) return [];
  return METRICS.flatMap((metric) => {
    const ratios = logRatios(...pairedFigures(metric, left, right));
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

/** The scatter of the mean falls with the square root of the number of blocks. */
function detectableBy(scatter: number, metric: Metric): number {
  const half = (scatter / Math.sqrt(GATE_BLOCKS)) * normalQuantile((1 + CONFIDENCE) / 2);
  const shift = { estimate: 0, lower: -half, upper: half };
  return smallestEffect(shift, CONFIDENCE, { alpha: ALPHA, margin: logMargin(metric) });
}
