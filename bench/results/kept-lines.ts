import { existsSync, readFileSync } from 'node:fs';
import { BenchError, messageOf } from '../errors.ts';
import { beside } from './env-file.ts';
import type { Row } from './row.ts';
import type { SeriesRecord } from './series.ts';
import type { SliceRecord } from './slices.ts';
import { plain } from './text.ts';

/** The cells of a row by which a line of another file names its trial: earlier lines have the first three alone. */
const EARLIER_KEYS = ['block', 'order_index', 'arm'] as const;
/**
 * Blocks of several groups share their ids, and so do two attempts at one block of a run that is continued: the axes of
 * the group tell the former apart, the start of the trial the latter.
 */
const LINE_KEYS = [
  ...EARLIER_KEYS,
  'started_at',
  'scenario',
  'servers',
  'affinity',
  'payload_bytes',
  'fault',
] as const;
type LineKeys = Pick<Row, (typeof LINE_KEYS)[number]>;

/** What each line of a trial has; what its row lacks is absent. */
export function lineKeysOf(row: Row): LineKeys {
  return Object.fromEntries(LINE_KEYS.map((key) => [key, row[key]])) as LineKeys;
}

/** Whether a line has all keys: one of an earlier version does not tell groups apart. */
export const isKeyed = (line: Pick<LineKeys, 'started_at'>): boolean => line.started_at !== undefined;

/** Whether a line is of the trial of this row, as far as the line tells. */
export function isLineOf(line: LineKeys, row: Row): boolean {
  return (isKeyed(line) ? LINE_KEYS : EARLIER_KEYS).every((key) => line[key] === row[key]);
}

/** One line of `NAME.histograms.jsonl`. */
export interface HistogramLine extends LineKeys {
  block: string;
  order_index: number;
  arm: string;
  operation: string;
  /** HdrHistogram V2 compressed, base64, µs. */
  histogram: string;
}

/** One line of `NAME.slices.jsonl`. */
export type SliceLine = LineKeys & SliceRecord & { block: string };

/** One line of `NAME.series.jsonl`. */
export type SeriesLine = LineKeys & SeriesRecord & { block: string };

/** The histograms beside a result file; empty when none are kept. @throws BenchError CSV_INVALID for a damaged line. */
export function readHistograms(csvPath: string): HistogramLine[] {
  const has = fieldsOf({
    block: 'string',
    order_index: 'number',
    arm: 'string',
    operation: 'string',
    histogram: 'string',
  });
  return readLines(beside(csvPath, '.histograms.jsonl'), has);
}

/** The slices beside a result file; empty when none are kept. @throws BenchError CSV_INVALID for a damaged line. */
export function readSlices(csvPath: string): SliceLine[] {
  const has = fieldsOf({
    ...{ block: 'string', order_index: 'number', arm: 'string', phase: 'string' },
    ...{ round: 'number', completed: 'number', seconds: 'number' },
  });
  return readLines(beside(csvPath, '.slices.jsonl'), has);
}

/** The seconds beside a result file; empty when none are kept. @throws BenchError CSV_INVALID for a damaged line. */
export function readSeries(csvPath: string): SeriesLine[] {
  const has = fieldsOf({
    ...{ block: 'string', order_index: 'number', arm: 'string', started_at: 'string', second: 'number' },
    ...{
      offered: 'number',
      ok: 'number',
      denied: 'number',
      wrong: 'number',
      refused: 'number',
      lost: 'number',
    },
  });
  return readLines(beside(csvPath, '.series.jsonl'), has);
}

/** The field of a line that is missing or of another kind; `undefined` when all are there. */
function fieldsOf(fields: Readonly<Record<string, string>>) {
  return (line: Readonly<Record<string, unknown>>) =>
    Object.entries(fields).find(([name, kind]) => typeof line[name] !== kind)?.[0];
}

function readLines<Line>(path: string, lacking: ReturnType<typeof fieldsOf>): Line[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value !== 'object' || value === null) throw new Error('no object');
      const missing = lacking(value as Record<string, unknown>);
      if (missing !== undefined) throw new Error(`no valid ${missing}`);
      return [value as Line];
    } catch (cause) {
      throw new BenchError({
        code: 'CSV_INVALID',
        expected: `lines of a run in ${path}`,
        got: plain(`${messageOf(cause)} in line ${index + 1}`),
        remedy: 'Remove that line, or move the file away: its CSV is read without it.',
        cause,
      });
    }
  });
}
