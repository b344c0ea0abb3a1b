import Table from 'cli-table3';
import { tableStyle, wrap } from '../results/text.ts';
import type { Calibration } from './kept.ts';
import { GATE_BLOCKS } from './noise.ts';

const share = (percent: number | null) => (percent === null ? '∞' : `${percent.toFixed(1)} %`);

/** The noise floor as a table, with an explanation. */
export function renderCalibration(calibration: Calibration): string {
  const { blocks, dropped_blocks: dropped, measured_at: at, metrics } = calibration;
  const table = new Table({
    head: ['', 'scatter', 'bias', '95 % interval', 'detectable'],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
    ...tableStyle(false, 2),
  });
  for (const one of metrics) {
    const interval = `${share(one.bias_lower_pct)} to ${share(one.bias_upper_pct)}`;
    table.push([one.label, share(one.scatter_pct), share(one.bias_pct), interval, share(one.detectable_pct)]);
  }
  const lost = dropped === 0 ? '' : `, ${dropped} more dropped as invalid`;
  return [
    `two identical arms, ${blocks} blocks${lost}, ${at.slice(0, 16).replace('T', ' ')} UTC`,
    table.toString(),
    wrap(
      `scatter: standard deviation of ln(B/A) between blocks. bias: what the two seem to differ by, though they do not. detectable: the least change that a gate over two cells and ${GATE_BLOCKS} blocks finds in 80 % of cases here.`,
    ),
  ].join('\n');
}
