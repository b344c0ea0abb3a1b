import type { DecidingFigure } from '../results/gate-plan.ts';
import { type ColumnName, isOfSpeed, type Row } from '../results/row.ts';

/** A figure that is compared, with its margin and its role in the gate. */
export interface Metric {
  name: DecidingFigure;
  label: string;
  worse: 'higher' | 'lower';
  /** The smallest change for the worse that counts, as a share: 0.03 is 3 %. */
  margin: number;
  /**
   * Whether it decides: `always` where it is measured, or `if-quiet`, when its scatter allows a change as small as the
   * margin to be detected.
   */
  gates: 'always' | 'if-quiet';
  /** Column sets in order of preference; a row's figure is the sum of a set. */
  columns: readonly (readonly ColumnName[])[];
}

/**
 * The compared metrics, with the margins of the measurement design.
 *
 * CPU per request is that of the servers and of the store, which is the cost of a backend. Balancer and generator
 * belong to the rig. Where rows lack the store's (there is none, or it cannot be read on one side), only the servers'
 * is compared on both sides.
 */
export const METRICS: readonly Metric[] = [
  {
    name: 'cpu_us_per_req',
    label: 'CPU µs/request',
    worse: 'higher',
    margin: 0.03,
    gates: 'always',
    columns: [['cpu_us_per_req_server', 'cpu_us_per_req_store'], ['cpu_us_per_req_server']],
  },
  { name: 'rps_ok', label: 'ok/s', worse: 'lower', margin: 0.05, gates: 'always', columns: [['rps_ok']] },
  {
    name: 'p50_us',
    label: 'p50 µs',
    worse: 'higher',
    margin: 0.1,
    gates: 'if-quiet',
    columns: [['lat_p50_us'], ['svc_p50_us']],
  },
  {
    name: 'p99_us',
    label: 'p99 µs',
    worse: 'higher',
    margin: 0.2,
    gates: 'if-quiet',
    columns: [['lat_p99_us'], ['svc_p99_us']],
  },
];

/**
 * Whether the metric may decide in such a configuration. Only whole trials do: the operations of a mix are parts of
 * them. Throughput in an open loop is the offered rate, and some scenarios are not of speed.
 */
export function mayGate(metric: Metric, configuration: Row): boolean {
  if (configuration.operation !== 'all' || !isOfSpeed(configuration)) return false;
  return metric.name !== 'rps_ok' || configuration.load_model === 'closed';
}

/** The columns of this metric that are complete in most of these rows; among equals the preferred ones. */
export function columnsIn(metric: Metric, rows: readonly Row[]): readonly ColumnName[] {
  const having = metric.columns.map(
    (columns) => rows.filter((row) => figureOf(row, columns) !== undefined).length,
  );
  return metric.columns[having.indexOf(Math.max(...having))] ?? [];
}

/** The figure of a row: the sum of these columns; `undefined` when one is empty, or the sum allows no ratio. */
export function figureOf(row: Row, columns: readonly ColumnName[]): number | undefined {
  let sum = 0;
  for (const column of columns) {
    const cell = row[column];
    if (typeof cell !== 'number') return undefined;
    sum += cell;
  }
  return sum > 0 ? sum : undefined;
}

/** Whether any of these rows has a figure of this metric; otherwise it is not compared. */
export function isMeasured(metric: Metric, rows: readonly Row[]): boolean {
  return rows.some((row) => metric.columns.some((columns) => figureOf(row, columns) !== undefined));
}

/** The margin as ln(head / base) for the worse, positive: −5 % of throughput is 0.051, +3 % CPU 0.030. */
export function logMargin({ margin, worse }: Metric): number {
  return worse === 'higher' ? Math.log(1 + margin) : -Math.log(1 - margin);
}
