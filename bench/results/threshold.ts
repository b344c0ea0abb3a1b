import { BenchError } from '../errors.ts';
import type { ColumnName, Row } from './row.ts';

/** A bound on a column, such as `p99<20ms`, in the column's own unit. */
export interface Threshold {
  text: string;
  /** Column read in an open loop, and in a closed one where response time is not known. */
  columns: readonly ColumnName[];
  below: boolean;
  bound: number;
}

/** A threshold and a row that does not keep it. An absent value keeps nothing. */
export interface Crossing {
  threshold: Threshold;
  row: Row;
  value: number | undefined;
}

const LATENCIES: Readonly<Record<string, readonly ColumnName[]>> = {
  min: ['lat_min_us', 'svc_min_us'],
  mean: ['lat_mean_us', 'svc_mean_us'],
  p50: ['lat_p50_us', 'svc_p50_us'],
  p75: ['lat_p75_us', 'svc_p75_us'],
  p90: ['lat_p90_us', 'svc_p90_us'],
  p95: ['lat_p95_us', 'svc_p95_us'],
  p99: ['lat_p99_us', 'svc_p99_us'],
  'p99.9': ['lat_p999_us', 'svc_p999_us'],
  max: ['lat_max_us', 'svc_max_us'],
};
const MICROSECONDS_PER_UNIT = { us: 1, µs: 1, ms: 1000, s: 1_000_000 } as const;

/** `p99<20ms`, `p(99)<20ms` as in k6, or `rps>1000/s`. @throws BenchError USAGE */
export function parseThreshold(text: string): Threshold {
  const match = /^([a-z]+(?:\(?[\d.]+\)?)?)\s*([<>])\s*(\d+(?:\.\d+)?)\s*(us|µs|ms|s|\/s)?$/.exec(
    text.trim(),
  );
  const metric = match?.[1]?.replace(/[()]/g, '') ?? '';
  const [below, bound, unit] = [match?.[2] === '<', Number(match?.[3]), match?.[4]];
  if (match !== null && unit !== undefined) {
    if (metric === 'rps' && unit === '/s') return { text, columns: ['rps_ok'], below, bound };
    const columns = Object.hasOwn(LATENCIES, metric) ? LATENCIES[metric] : undefined;
    if (columns !== undefined && unit !== '/s') {
      return { text, columns, below, bound: bound * MICROSECONDS_PER_UNIT[unit as 'us'] };
    }
  }
  throw new BenchError({
    code: 'USAGE',
    expected: `a threshold of ${Object.keys(LATENCIES).join(', ')} with a unit, or rps per second, for --threshold`,
    got: `"${text.slice(0, 80)}"`,
    remedy: "Write for example --threshold 'p99<20ms' or --threshold 'rps>1000/s'.",
  });
}

/** The rows of whole trials that cross a threshold, or cannot be held against it. */
export function crossings(thresholds: readonly Threshold[], rows: readonly Row[]): Crossing[] {
  const whole = rows.filter((row) => row.operation === 'all' && row.scenario !== 'revocation');
  return thresholds.flatMap((threshold) =>
    whole.flatMap((row) => {
      const value = threshold.columns.map((column) => row[column]).find((cell) => typeof cell === 'number');
      const kept =
        typeof value === 'number' && (threshold.below ? value < threshold.bound : value > threshold.bound);
      return kept ? [] : [{ threshold, row, value: typeof value === 'number' ? value : undefined }];
    }),
  );
}
