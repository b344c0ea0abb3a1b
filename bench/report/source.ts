import { BenchError, messageOf } from '../errors.ts';
import { readResultFile } from '../results/csv.ts';
import { type EnvironmentRecord, readEnvironmentRecord } from '../results/env-file.ts';
import {
  type HistogramLine,
  readHistograms,
  readSeries,
  readSlices,
  type SeriesLine,
  type SliceLine,
} from '../results/kept-lines.ts';
import { isUsable, type Row } from '../results/row.ts';

/** Of a reason in an error. */
const REASON_CHARACTERS = 120;

/** A result file with what lies beside it. */
export interface Source {
  path: string;
  rows: readonly Row[];
  /** Absent in older runs. */
  record: Partial<EnvironmentRecord> | undefined;
  /** Empty where none are kept. */
  histograms: readonly HistogramLine[];
  slices: readonly SliceLine[];
  series: readonly SeriesLine[];
}

/**
 * Reads result files.
 * @throws BenchError CSV_INVALID for a damaged one, or for damaged files beside it; NOTHING_TO_REPORT without any usable
 * row.
 */
export function readSources(paths: readonly string[]): Source[] {
  const sources = paths.map((path) => ({
    path,
    rows: readResultFile(path),
    record: recordOf(path),
    histograms: readHistograms(path),
    slices: readSlices(path),
    series: readSeries(path),
  }));
  const rows = sources.flatMap((source) => source.rows);
  if (rows.some(isUsable)) return sources;
  const reason = rows.find((row) => row.invalid_reason !== undefined)?.invalid_reason;
  throw new BenchError({
    code: 'NOTHING_TO_REPORT',
    expected: `a usable row in ${paths.join(', ')}`,
    got: `${rows.length === 0 ? 'no row' : `${rows.length} that must not be used`}${reason === undefined ? '' : `, the first because of: ${reason.slice(0, REASON_CHARACTERS)}`}`,
    remedy: 'Name the file of a run that has valid blocks, or measure again.',
  });
}

function recordOf(path: string): Partial<EnvironmentRecord> | undefined {
  try {
    return readEnvironmentRecord(path);
  } catch (cause) {
    throw new BenchError({
      code: 'CSV_INVALID',
      expected: `the record of the run beside ${path}`,
      got: `${messageOf(cause)} in its .env.json`,
      remedy: 'Restore it, or move it away: the page is made without it.',
      cause,
    });
  }
}
