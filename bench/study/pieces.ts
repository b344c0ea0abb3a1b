import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, parseConfig } from '../config/config.ts';
import type { RawOptions } from '../config/values.ts';
import { groupBy, groupKey, usableRows } from '../results/blocks.ts';
import { readResultFile } from '../results/csv.ts';
import { hasEnded, type Row } from '../results/row.ts';
import { longestMs } from '../run/estimate.ts';
import { planRepetition, takesTurns } from '../run/plan.ts';
import { readUnfinished } from '../run/resume.ts';
import type { Piece, Study } from './study.ts';

/** How long the pieces take, as flags of `run`: `quick` shows figures, and `full` has the blocks of a verdict. */
export const STUDY_PRESETS = {
  quick: { repeat: '1', duration: '400ms', warmup: '400ms', sessions: '500' },
  full: { repeat: '16', duration: '2s', warmup: '4s', sessions: '2000' },
} as const satisfies Record<string, RawOptions>;
export type StudyPreset = keyof typeof STUDY_PRESETS;

/** A piece on its way: what is run for it, and what there is of it already. */
export interface PlannedPiece extends Piece {
  path: string;
  /** The options of the run, as `run` takes them. */
  options: RawOptions;
  /** The words of the `run` that it is, without those that all pieces share: they may hold a secret. */
  command: readonly string[];
  config: Config;
  /** `done`: every group has its valid blocks. `begun`: some are missing. */
  state: 'absent' | 'begun' | 'done';
  /** Maximum time of all its blocks, ms, those that are there included. */
  longestMs: number;
}

/**
 * The pieces of a study in their order, with what the folder has of them.
 * @param shared flags of every piece, such as the URL of a service.
 * @throws BenchError USAGE, CONFLICT for flags that no run takes; CSV_INVALID for a file that is not ours.
 */
export function planPieces(
  study: Study,
  preset: StudyPreset,
  folder: string,
  shared: RawOptions,
): PlannedPiece[] {
  return study.pieces.map((piece) => {
    const path = join(folder, `${piece.name}.csv`);
    const flags = { ...piece.flags, ...(preset === 'full' ? piece.full : {}) };
    const options = { ...STUDY_PRESETS[preset], ...flags, ...shared, out: path };
    const config = parseConfig(options, process.env);
    const state = existsSync(path) ? stateOf(readResultFile(path), config) : 'absent';
    const command = commandOf({ ...STUDY_PRESETS[preset], ...flags });
    return { ...piece, flags, path, options, command, config, state, longestMs: longestMs(config) };
  });
}

function commandOf(options: RawOptions): string[] {
  const words = Object.entries(options).flatMap(([key, value]) => {
    const name = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return value === true ? [name] : [name, String(value)];
  });
  return ['run', ...words];
}

/**
 * Rows are complete when nothing failed or was stopped, and each group of the configuration has as many valid blocks as it
 * wants, or no arm that supports it.
 */
export function stateOf(rows: readonly Row[], config: Config): PlannedPiece['state'] {
  if (rows.length === 0) return 'absent';
  // Where arms take no turns, each is a part by itself.
  const partKey = (row: Row) => (takesTurns(config) ? groupKey(row) : `${groupKey(row)} ${row.arm}`);
  const parts = groupBy(rows, partKey);
  const isDone =
    rows.every(hasEnded) &&
    parts.length >= planRepetition(config, 1).length &&
    parts.every((part) => blocksOf(part) >= config.repeat);
  return isDone ? 'done' : 'begun';
}

function blocksOf(part: readonly Row[]): number {
  const isMeasured = part.some(({ status }) => status === 'ok');
  return new Set((isMeasured ? usableRows(part) : part).map(({ block }) => block)).size;
}

/** What `run` takes for a piece: with `--resume` for one that was begun. @throws BenchError CONFLICT, CSV_INVALID */
export function inputOf({ state, path, options, config }: PlannedPiece, shared: RawOptions) {
  if (state !== 'begun') return { config, options, unfinished: undefined };
  const { options: recorded, unfinished } = readUnfinished(path, shared);
  return { config: parseConfig(recorded, process.env), options: recorded, unfinished };
}
