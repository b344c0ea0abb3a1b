import { BenchError } from '../errors.ts';
import type { LatencySummary } from '../stats/histogram.ts';
import { completeMedian } from '../stats/median.ts';
import { usableRows } from './blocks.ts';
import { byArmAndOperation, groupsOf } from './groups.ts';
import { isOfSpeed, type NumberColumn, type Row } from './row.ts';

/** A bound on a column, such as `p99<20ms`, in the column's own unit. */
export interface Threshold {
  text: string;
  /** Field of a latency summary; absent for throughput. */
  field?: keyof LatencySummary;
  /** Column of an open loop, and of a closed one, where response time is not known. */
  columns: readonly NumberColumn[];
  below: boolean;
  bound: number;
}

/** A threshold and a configuration that violates it. An absent value violates it too. */
export interface Crossing {
  threshold: Threshold;
  /** A row of the configuration. */
  row: Row;
  /** Median over the usable blocks, in the column's unit. */
  value: number | undefined;
  /** The number of these blocks. */
  blocks: number;
}

const LATENCIES = ['min', 'mean', 'p50', 'p75', 'p90', 'p95', 'p99', 'p99.9', 'max'] as const;
const MICROSECONDS_PER_UNIT = { us: 1, µs: 1, ms: 1000, s: 1_000_000 } as const;

/** `p99<20ms`, `p(99)<20ms` as in k6, or `rps>1000/s`. @throws BenchError USAGE */
export function parseThreshold(text: string, flag = '--threshold'): Threshold {
  const match = /^([a-z]+(?:\(?[\d.]+\)?)?)\s*([<>])\s*(\d+(?:\.\d+)?)\s*(us|µs|ms|s|\/s)?$/.exec(
    text.trim(),
  );
  const metric = match?.[1]?.replace(/[()]/g, '') ?? '';
  const [below, bound, unit] = [match?.[2] === '<', Number(match?.[3]), match?.[4]];
  if (match !== null && unit !== undefined) {
    if (metric === 'rps' && unit === '/s') return { text, columns: ['rps_ok'], below, bound };
    const name = LATENCIES.find((one) => one === metric);
    if (name !== undefined && unit !== '/s') {
      const field = name === 'p99.9' ? 'p999' : name;
      const columns = [`lat_${field}_us`, `svc_${field}_us`] as const;
      return { text, field, columns, below, bound: bound * MICROSECONDS_PER_UNIT[unit as 'us'] };
    }
  }
  throw new BenchError({
    code: 'USAGE',
    expected: `a threshold of ${LATENCIES.join(', ')} with a unit, or rps per second, for ${flag}`,
    got: `"${text.slice(0, 80)}"`,
    remedy: `Write for example ${flag} 'p99<20ms'.`,
  });
}

/**
 * The configurations that violate a threshold, or cannot be compared with it: whole trials, by arm and group.
 *
 * As in k6 a threshold applies to the aggregate, not to each sample. The aggregate of blocks is the median over usable
 * ones, as in the tables; a percentile of all blocks' requests together would be that of the worst block. If some of
 * the blocks lack the figure, there is none, and likewise without a usable block.
 */
export function crossings(thresholds: readonly Threshold[], rows: readonly Row[]): Crossing[] {
  const whole = rows.filter((row) => row.operation === 'all' && isOfSpeed(row));
  const usable = new Set(usableRows(whole));
  const configurations = groupsOf(whole).flatMap((group) => byArmAndOperation(group.rows, true));
  return thresholds.flatMap((threshold) =>
    configurations.flatMap((all) => {
      const blocks = all.filter((row) => usable.has(row));
      const value = medianOf(blocks, threshold.columns);
      const { below, bound } = threshold;
      if (value !== undefined && (below ? value < bound : value > bound)) return [];
      return [{ threshold, row: (blocks[0] ?? all[0]) as Row, value, blocks: blocks.length }];
    }),
  );
}

/** Of the first column that any of these rows has. */
function medianOf(rows: readonly Row[], columns: readonly NumberColumn[]): number | undefined {
  const column = columns.find((one) => rows.some((row) => row[one] !== undefined));
  return completeMedian(rows.map((row) => column && row[column]));
}
