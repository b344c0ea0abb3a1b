import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { writing } from '../errors.ts';
import type { SequentialPlan } from './gate-plan.ts';
import type { SeriesRecord } from './series.ts';
import type { SliceRecord } from './slices.ts';

/** The environment of a run, beside its CSV: `NAME.env.json`. Contains no secret. */
export interface EnvironmentRecord {
  run_id: string;
  command: readonly string[];
  machine: Record<string, unknown>;
  kernel: string;
  lock_file_sha256: string;
  balancer: Record<string, unknown>;
  /** Flags and their values for `--resume`: complete, without URLs. Absent for files of other commands. */
  options?: Readonly<Record<string, unknown>>;
  /** Offered rate of each group, requests per second, if it is a share of the capacity. */
  rates?: Readonly<Record<string, number>>;
  /** Backends that were left out, with the reasons. */
  left_out: readonly string[];
  /** Settings of the services as read back from them, by arm. */
  services: Record<string, unknown>;
  /** Of a gate: its looks and what decides, from which `compare` repeats its verdict. */
  gate?: SequentialPlan;
}

/** The path of a file beside a result CSV. */
export const beside = (csvPath: string, ending: string) => `${csvPath.replace(/\.csv$/, '')}${ending}`;

/** Writes, or replaces, the record beside a result file. */
export function writeEnvironmentRecord(csvPath: string, record: EnvironmentRecord): void {
  const path = beside(csvPath, '.env.json');
  save(path, () => writeFileSync(path, `${JSON.stringify(record, undefined, 2)}\n`));
}

/** The record beside a result file; `undefined` when there is none. @throws Error when it is not JSON. */
export function readEnvironmentRecord(csvPath: string): Partial<EnvironmentRecord> | undefined {
  const path = beside(csvPath, '.env.json');
  return existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as Partial<EnvironmentRecord>)
    : undefined;
}

/** Appends a trial's histograms (HdrHistogram V2, compressed, base64, µs) to `NAME.histograms.jsonl`, one line each. */
export function appendHistograms(
  csvPath: string,
  keys: Record<string, unknown>,
  histograms: Readonly<Record<string, string>>,
): void {
  const path = beside(csvPath, '.histograms.jsonl');
  const lines = Object.entries(histograms).map(
    ([operation, histogram]) => `${JSON.stringify({ ...keys, operation, histogram })}\n`,
  );
  save(path, () => appendFileSync(path, lines.join('')));
}

/** Appends slices to `NAME.slices.jsonl`, one line each. */
export function appendSlices(
  csvPath: string,
  keys: Record<string, unknown>,
  slices: readonly SliceRecord[],
): void {
  appendLines(csvPath, '.slices.jsonl', keys, slices);
}

/** Appends the seconds of a trial to `NAME.series.jsonl`, one line each. */
export function appendSeries(
  csvPath: string,
  keys: Record<string, unknown>,
  series: readonly SeriesRecord[],
): void {
  appendLines(csvPath, '.series.jsonl', keys, series);
}

function appendLines(
  csvPath: string,
  ending: string,
  keys: Record<string, unknown>,
  records: readonly object[],
): void {
  const path = beside(csvPath, ending);
  const lines = records.map((record) => `${JSON.stringify({ ...keys, ...record })}\n`);
  save(path, () => appendFileSync(path, lines.join('')));
}

function save(path: string, write: () => void): void {
  const remedy = 'Free some space, or name another file with --out; the rows written before are kept.';
  writing(`to write ${path}`, remedy, write);
}
