import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { continueResultFile, createResultFile } from './csv.ts';
import { appendHistograms, type EnvironmentRecord, writeEnvironmentRecord } from './env-file.ts';
import type { Row } from './row.ts';

/** The files of one run, which grow as trials end: CSV, environment record and histograms. */
export interface Output {
  path: string;
  rows: readonly Row[];
  /** Writes a trial's rows at once, so that nothing measured is lost later. */
  append(rows: readonly Row[], histograms: Readonly<Record<string, string>>): void;
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
  const file = kept === undefined ? createResultFile(target) : continueResultFile(target, kept);
  const rows: Row[] = [...(kept ?? [])];
  return {
    path: target,
    rows,
    append(added, histograms) {
      for (const row of added) {
        file.append(row);
        rows.push(row);
      }
      const [first] = added;
      if (first === undefined || Object.keys(histograms).length === 0) return;
      const { block, order_index, arm } = first;
      appendHistograms(target, { block, order_index, arm }, histograms);
    },
    describe: (record) => writeEnvironmentRecord(target, record),
    close: file.close,
  };
}
