import { cpus, loadavg } from 'node:os';
import { drawTable, type Layout, whole, wrap } from '../results/text.ts';
import { GROUPS, type Group, type GroupName } from './group.ts';
import type { Measurement } from './measure.ts';

/** The result of a group: its figures, what was not measured and why, and lines for below the table. */
export interface GroupOutcome {
  group: GroupName;
  measurements: Measurement[];
  unavailable: { name: string; reason: string }[];
  notes: string[];
}

const UNITS_PER_US = { ns: 1_000, µs: 1 } as const;

/**
 * An array of `{group, name, median_us, p99_us, rme_pct, samples}`; what was left out has null figures and `left_out`.
 */
export function renderJson(outcomes: readonly GroupOutcome[]): string {
  const rows = outcomes.flatMap(({ group, measurements, unavailable }) => [
    ...measurements.map(({ name, medianUs, p99Us, rmePct, samples }) => ({
      group,
      name,
      median_us: rounded(medianUs),
      p99_us: p99Us === undefined ? null : rounded(p99Us),
      rme_pct: rounded(rmePct),
      samples,
    })),
    ...unavailable.map(({ name, reason }) => {
      return { group, name, median_us: null, p99_us: null, rme_pct: null, samples: 0, left_out: reason };
    }),
  ]);
  return `${JSON.stringify(rows, undefined, 2)}\n`;
}

/** A table for each group, with notes on how to read them. */
export function renderTables(outcomes: readonly GroupOutcome[], color: boolean): string {
  const seen = outcomes.filter(
    ({ measurements, unavailable }) => measurements.length + unavailable.length > 0,
  );
  return `${[...seen.map((outcome) => renderGroup(outcome, color)), FOOTNOTES].join('\n\n')}\n`;
}

/** The machine in one line, and a warning when it is busy. */
export function describeMachine(): string[] {
  const [load = 0] = loadavg();
  const [first] = cpus();
  const line = `Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} × ${first?.model ?? 'unknown processor'}, load average ${load.toFixed(1)} at the start`;
  const isBusy = load > cpus().length / 2;
  return isBusy
    ? [line, 'BUSY: other work was running, so times are too high and their spread too wide.']
    : [line];
}

function renderGroup({ group, measurements, unavailable, notes }: GroupOutcome, color: boolean): string {
  const { heading, unit, findings = () => [] }: Group = GROUPS[group];
  const cell = (us: number | undefined) => (us === undefined ? '' : significant(us * UNITS_PER_US[unit]));
  const lines = measurements.map(({ name, medianUs, p99Us, rmePct, samples, opsPerSecond, batch }) => {
    const mark = batch > 1 && p99Us !== undefined ? '*' : '';
    const counts = [rmePct.toFixed(1), whole(samples), whole(opsPerSecond)];
    return [name, cell(medianUs), cell(p99Us), mark, ...counts];
  });
  const table: Layout = {
    headings: ['operation', `median\n${unit}`, `p99\n${unit}`, '', '± mean\n%', 'samples', 'ops/s\nper core'],
    alignments: ['left', 'right', 'right', 'left', 'right', 'right', 'right'],
    lines,
  };
  const below = [
    ...unavailable.map(
      ({ name, reason }) => `LEFT OUT: ${name}: ${reason}. To install it: sh scripts/setup.sh`,
    ),
    ...notes,
    ...findings(measurements),
  ].map((text) => wrap(text));
  return [heading, ...(lines.length === 0 ? [] : [drawTable(table, color)]), ...below]
    .map(trimmed)
    .join('\n');
}

const FOOTNOTES = [
  'Times are wall-clock times per operation, 1 µs = 1,000 ns. "± mean" is half the 95 % interval of the mean, were samples independent. A p99 is empty below 1,000 samples: raise --time.',
  '* Below 5 µs a sample is the mean of a batch of about 20 µs, so the p99 is that of batches.',
  'ops/s: of one process, so of one core of JavaScript. The service runs on other cores, and with one operation in flight the wait for it bounds the rate. WebCrypto (jose) also works on other threads.',
  'An asynchronous operation is awaited, and that is part of its cost. Nothing is subtracted: the rows "nothing" show what a call, and an awaited call, cost when they do no work.',
  'Each was measured once, in the order of the table: differences of a few percent are not significant.',
]
  .map((text) => wrap(text))
  .join('\n');

const trimmed = (text: string) => text.replace(/[ ]+$/gm, '');

/** About three significant digits, never an exponent. */
function significant(value: number): string {
  if (value >= 100) return whole(value);
  return value.toFixed(value >= 10 ? 1 : value >= 1 ? 2 : 3);
}

/** To a picosecond: shorter to read, and finer than any clock. */
function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
