import { existsSync } from 'node:fs';
import { parseVariant } from '../../stores/variant.ts';
import type { Config } from '../config/config.ts';
import { type FlagTable, keyOf } from '../config/flag.ts';
import { RUN_TABLE } from '../config/flags.ts';
import { type StoreChoice, storeText } from '../config/store-choice.ts';
import { isModuleText } from '../config/store-module.ts';
import { conflict, type RawOptions, usage } from '../config/values.ts';
import type { MachineCells } from '../environment/machine/machine.ts';
import { BenchError, messageOf } from '../errors.ts';
import { blockKey, isInterleaved } from '../results/blocks.ts';
import { readResultFile } from '../results/csv.ts';
import { readEnvironmentRecord } from '../results/env-file.ts';
import { isUsable, type Row } from '../results/row.ts';

/**
 * The options that `--resume` needs: the flags of the scope `run` only, for one of another scope may contain a
 * password, such as the URL of a service. Includes the seed and the stores that were available.
 */
export function recordableOptions(
  given: RawOptions,
  config: Config,
  table: FlagTable = RUN_TABLE,
): Record<string, unknown> {
  const entries = Object.entries(table).flatMap(([name, flag]): [string, unknown][] => {
    if (flag.scope !== 'run') return [];
    const key = keyOf(flag);
    const value = (config as unknown as Record<string, unknown>)[name];
    if (flag.format !== undefined && value !== undefined) {
      const text = flag.format(value);
      return text === undefined ? [] : [[key, text]];
    }
    return given[key] === undefined ? [] : [[key, given[key]]];
  });
  return Object.fromEntries(entries);
}

/** A run that was stopped early, and can be continued. */
export interface Unfinished {
  runId: string;
  path: string;
  /** The words that began it, if they are recorded. */
  command: readonly string[] | undefined;
  /** Of blocks that have ended, those that were dropped and are replaced included; the others are run again. */
  rows: readonly Row[];
  /** Any row, which identifies machine and commit. */
  origin: Row;
}

/** The run that a file contains a part of, and the flags to continue with. */
export interface Resumption {
  unfinished: Unfinished;
  options: RawOptions;
}

/**
 * Reads a run that was stopped. Rows of unfinished blocks are omitted: these blocks are run again.
 * @throws BenchError USAGE for a missing file or flags that would change the run; CSV_INVALID.
 */
export function readUnfinished(path: string, given: RawOptions): Resumption {
  if (!existsSync(path))
    throw usage('a result file for --resume', `"${path}", which does not exist`, 'Name one.');
  const views = Object.values(RUN_TABLE).filter(({ scope }) => scope === 'view');
  const other = Object.keys(given).find((key) => !views.map(keyOf).includes(key));
  if (other !== undefined) {
    throw usage('--resume with the flags of the file only', `--${other} as well`, 'Leave it out.');
  }
  const rows = readResultFile(path);
  const recorded = recordedOptions(path);
  const runId = rows[0]?.run_id;
  if (runId === undefined)
    throw usage('a result file with rows for --resume', `"${path}" without any`, 'Start again.');
  const broken = new Set(rows.filter((row) => !hasEnded(row)).map(blockKey));
  // What is run again has the same id, which the rows of a first attempt would invalidate. A dropped block is replaced by
  // another, but where arms take no turns.
  const ended = rows.filter((row) =>
    isInterleaved(row) ? !broken.has(blockKey(row)) : isUsable(row) || row.status === 'unsupported',
  );
  const origin = rows[0] as Row;
  // Processes were pinned by other defaults in earlier commits: the rows tell.
  const pinned = origin.pinning === undefined ? { pin: false } : {};
  return {
    unfinished: { runId, path, command: readEnvironmentRecord(path)?.command, rows: ended, origin },
    options: { ...pinned, ...recorded, ...given, resume: path },
  };
}

const hasEnded = ({ status }: Row) => status === 'ok' || status === 'unsupported';

function recordedOptions(path: string): RawOptions {
  const record = `${path.replace(/\.csv$/, '')}.env.json`;
  const wrong = (got: string, cause?: unknown) =>
    new BenchError({
      code: 'CSV_INVALID',
      expected: `the flags of the run in ${record}`,
      got,
      remedy: 'Keep that file beside its CSV, or start again.',
      cause,
    });
  try {
    const options = readEnvironmentRecord(path)?.options;
    if (options !== undefined) return withAbsentOptions(options as RawOptions);
  } catch (error) {
    throw wrong(messageOf(error), error);
  }
  throw wrong('none');
}

/**
 * Adds the options of backends that did not exist in the commit that wrote the flags, with their effect from
 * before they existed.
 */
function withAbsentOptions(options: RawOptions): RawOptions {
  const { store } = options;
  if (typeof store !== 'string') return options;
  const arms = store.split(',').map((arm) => {
    if (isModuleText(arm)) return arm;
    const [name = '', pairs] = arm.split(':');
    return storeText({ store: name, options: parseVariant(name, pairs) });
  });
  return { ...options, store: arms.join(',') };
}

/** A run on external sites is continued on the same ones, which are named again. @throws BenchError CONFLICT */
export function checkTargets({ rows, origin }: Unfinished, stores: readonly StoreChoice[]): void {
  const measured = new Map([origin, ...rows].map((row) => [row.store, row.target]));
  const named = new Map(stores.map(({ store, site }) => [store, site?.url]));
  for (const [store, target] of measured) {
    if (named.get(store ?? '') === target) continue;
    const expected = `--target ${store}=${target} with --resume, as in the rows that are there`;
    throw conflict(expected, named.get(store ?? '') ?? 'none', 'Name the same sites as before.');
  }
}

/** All blocks of a run must come from one machine and one commit. @throws BenchError CONFLICT */
export function checkOrigin(origin: Row, machine: MachineCells): void {
  for (const column of ['host_id', 'node_version', 'git_sha', 'git_dirty'] as const) {
    const [was, is] = [origin[column], machine[column]];
    if (was === is) continue;
    const expected = `${column} ${String(was)}, as in the rows that are there`;
    throw conflict(expected, String(is), 'Continue where they were measured, or start again.');
  }
}
