import { existsSync } from 'node:fs';
import { parseVariant } from '../../stores/variant.ts';
import type { Config } from '../config/config.ts';
import { type Flag, type FlagTable, keyOf } from '../config/flag.ts';
import { RUN_TABLE } from '../config/flags.ts';
import { storeText } from '../config/store-choice.ts';
import { type RawOptions, usage } from '../config/values.ts';
import type { MachineCells } from '../environment/machine/machine.ts';
import { BenchError, messageOf } from '../errors.ts';
import { blockKey, spoiltBlocks } from '../results/blocks.ts';
import { readResultFile } from '../results/csv.ts';
import { readEnvironmentRecord } from '../results/env-file.ts';
import { isUsable, type Row } from '../results/row.ts';

/** Flags by their scope, as commander names them. */
const keysOf = (scope: Flag['scope']) =>
  Object.values(RUN_TABLE)
    .filter((flag) => flag.scope === scope)
    .map(keyOf);

/**
 * What `--resume` needs to know of a run: the flags of the scope `run`, and no other, for one of another scope may hold a
 * password, as the URL of a service does. Complete with the seed and the stores that were available.
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
    if (flag.format !== undefined && value !== undefined) return [[key, flag.format(value)]];
    return given[key] === undefined ? [] : [[key, given[key]]];
  });
  return Object.fromEntries(entries);
}

/** A run that was stopped before its end, and is to go on. */
export interface Unfinished {
  runId: string;
  path: string;
  /** Of blocks that are finished and sound: the others are run anew. */
  rows: readonly Row[];
  /** Any row of it, which says where it was made. */
  origin: Row;
}

/** The run that a file holds a part of, and the flags to go on with. */
export interface Resumption {
  unfinished: Unfinished;
  options: RawOptions;
}

/**
 * Reads a run that was stopped. Rows of blocks that came to no end are left out: these blocks are run anew.
 * @throws BenchError USAGE for a missing file or flags that would change the run; CSV_INVALID.
 */
export function readUnfinished(path: string, given: RawOptions): Resumption {
  if (!existsSync(path))
    throw usage('a result file for --resume', `"${path}", which does not exist`, 'Name one.');
  const views = keysOf('view');
  const [other] = Object.keys(given).filter((flag) => !views.includes(flag));
  if (other !== undefined) {
    throw usage('--resume with the flags of the file alone', `--${other} as well`, 'Leave it out.');
  }
  const rows = readResultFile(path);
  const recorded = recordedOptions(path);
  const runId = rows[0]?.run_id;
  if (runId === undefined)
    throw usage('a result file with rows for --resume', `"${path}" without any`, 'Start anew.');
  // A block that was dropped is replaced; its rows would drop the replacement with them, for it has the same id.
  const spoilt = spoiltBlocks(rows);
  const ended = rows.filter(
    (row) => !spoilt.has(blockKey(row)) && (isUsable(row) || row.status === 'unsupported'),
  );
  return {
    unfinished: { runId, path, rows: ended, origin: rows[0] as Row },
    options: { ...recorded, ...given, resume: path },
  };
}

function recordedOptions(path: string): RawOptions {
  const record = `${path.replace(/\.csv$/, '')}.env.json`;
  const wrong = (got: string, cause?: unknown) =>
    new BenchError({
      code: 'CSV_INVALID',
      expected: `the flags of the run in ${record}`,
      got,
      remedy: 'Keep that file beside its CSV, or start anew.',
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
 * The flags, with the options of backends that the commit which wrote them did not have yet: as it was
 * without them.
 */
function withAbsentOptions(options: RawOptions): RawOptions {
  const { store } = options;
  if (typeof store !== 'string') return options;
  const arms = store.split(',').map((arm) => {
    const [name = '', pairs] = arm.split(':');
    return storeText({ store: name, options: parseVariant(name, pairs) });
  });
  return { ...options, store: arms.join(',') };
}

/** Blocks of one run come from one machine and one commit. @throws BenchError CONFLICT */
export function refuseOtherOrigin(origin: Row, machine: MachineCells): void {
  for (const column of ['host_id', 'node_version', 'git_sha', 'git_dirty'] as const) {
    const [was, is] = [origin[column], machine[column]];
    if (was === is) continue;
    throw new BenchError({
      code: 'CONFLICT',
      expected: `${column} ${String(was)}, as in the rows that are there`,
      got: String(is),
      remedy: 'Go on where they were made, or start anew.',
    });
  }
}
