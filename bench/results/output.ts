import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { continueResultFile, createResultFile } from './csv.ts';
import {
  appendHistograms,
  appendSeries,
  appendSlices,
  type EnvironmentRecord,
  writeEnvironmentRecord,
} from './env-file.ts';
import { lineKeysOf } from './kept-lines.ts';
import type { Row } from './row.ts';
import type { SeriesRecord } from './series.ts';
import type { SliceRecord } from './slices.ts';

/** What a trial adds to the files. */
export interface TrialOutput {
  rows: readonly Row[];
  /** Encoded histograms by operation. */
  histograms?: Readonly<Record<string, string>>;
  slices?: readonly SliceRecord[];
  series?: readonly SeriesRecord[];
}

/** The files of one run, which grow as trials end: CSV, environment record, histograms, slices and series. */
export interface Output {
  path: string;
  rows: readonly Row[];
  /** Writes a trial's rows at once, so that nothing measured is lost later. */
  append(measured: TrialOutput): void;
  /** Removes rows of a run that is continued, in favour of those that follow. */
  remove(isReplaced: (row: Row) => boolean): void;
  /** Updates the environment record. */
  describe(record: EnvironmentRecord): void;
  close(): void;
}

/**
 * Opens the files of a run, under `results/` by default.
 * @param kept rows of a run that is continued: the file keeps only these and grows from there.
 * @throws BenchError OUTPUT_UNWRITABLE
 */
export function openOutput(path: string | undefined, runId: string, kept?: readonly Row[]): Output {
  const target = path ?? `results/${runId}.csv`;
  if (path === undefined) mkdirSync(dirname(target), { recursive: true });
  let file = kept === undefined ? createResultFile(target) : continueResultFile(target, kept);
  let rows: Row[] = [...(kept ?? [])];
  return {
    path: target,
    get rows() {
      return rows;
    },
    append({ rows: added, histograms = {}, slices = [], series = [] }) {
      for (const row of added) {
        file.append(row);
        rows.push(row);
      }
      const [first] = added;
      if (first === undefined) return;
      const keys = lineKeysOf(first);
      if (Object.keys(histograms).length > 0) appendHistograms(target, keys, histograms);
      if (slices.length > 0) appendSlices(target, keys, slices);
      if (series.length > 0) appendSeries(target, keys, series);
    },
    remove(isReplaced) {
      const left = rows.filter((row) => !isReplaced(row));
      if (left.length === rows.length) return;
      file.close();
      file = continueResultFile(target, left);
      rows = left;
    },
    describe: (record) => writeEnvironmentRecord(target, record),
    close: () => file.close(),
  };
}
