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
import { readResultFile } from '../results/csv.ts';
import { type EnvironmentRecord, readEnvironmentRecord } from '../results/env-file.ts';
import type { Row } from '../results/row.ts';

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
  rows: readonly Row[];
  /** What is recorded beside them: the words that began it, services, rates, backends that were left out. */
  record: Partial<EnvironmentRecord>;
  /** Any row, which identifies machine and commit. */
  origin: Row;
}

/** The run that a file contains a part of, and the flags to continue with. */
export interface Resumption {
  unfinished: Unfinished;
  options: RawOptions;
}

/**
 * Reads a run that was stopped, or lost too many blocks.
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
  const origin = rows[0] as Row;
  // Processes were pinned by other defaults in earlier commits: the rows tell.
  const pinned = origin.pinning === undefined ? { pin: false } : {};
  return {
    unfinished: { runId, path, record: readEnvironmentRecord(path) ?? {}, rows, origin },
    options: { ...pinned, ...recorded, ...given, resume: path },
  };
}

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
