import { drawTable, type Layout, wrap } from '../results/text.ts';
import type { Calibration } from './kept.ts';
import { GATE_BLOCKS } from './noise.ts';

const share = (percent: number | null) => (percent === null ? '∞' : `${percent.toFixed(1)} %`);

/** The noise floor as a table, with an explanation. */
export function renderCalibration(calibration: Calibration): string {
  const { blocks, dropped_blocks: dropped, measured_at: at, metrics, levels } = calibration;
  const lines = metrics.map((one) => {
    const interval = `${share(one.bias_lower_pct)} to ${share(one.bias_upper_pct)}`;
    return [one.label, share(one.scatter_pct), share(one.bias_pct), interval, share(one.detectable_pct)];
  });
  const headings = ['', 'scatter', 'bias', '95 % interval', 'detectable'];
  const table: Layout = { headings, alignments: ['left', 'right', 'right', 'right', 'right'], lines };
  const lost = dropped === 0 ? '' : `, ${dropped} more dropped as invalid`;
  return [
    `two identical arms, ${blocks} blocks${lost}, ${at.slice(0, 16).replace('T', ' ')} UTC`,
    drawTable(table, false, 2),
    wrap(
      `scatter: standard deviation of ln(B/A) between blocks. bias: what the two seem to differ by, though they do not. detectable: the least change that a gate over two cells and ${GATE_BLOCKS} blocks finds in 80 % of cases here.`,
    ),
    ...(levels === undefined ? [] : [wrap(levelsText(levels))]),
  ].join('\n');
}

function levelsText(levels: NonNullable<Calibration['levels']>): string {
  const { rounds, slice_pct: slice, of_slices_pct: ofSlices, start_pct: start } = levels;
  const effect = ({ pct, lower_pct: lower, upper_pct: upper }: typeof levels.place) =>
    `${share(pct)} (${share(lower)} to ${share(upper)})`;
  return `By level, CPU per request: one round of slices scatters by ${share(slice)}; the ${rounds} rounds of a block leave ${share(ofSlices)}, and starts of processes add ${share(start)}. A slice after one of its own arm costs ${effect(levels.carry_over)} more than after the other's; the first place of a round ${effect(levels.place)} more than the last.`;
}
