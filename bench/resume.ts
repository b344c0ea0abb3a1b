import { existsSync } from 'node:fs';
import { pairsText, parseVariant } from '../stores/variant.ts';
import type { Config, StoreChoice } from './config.ts';
import type { MachineCells } from './environment/machine.ts';
import { BenchError, messageOf } from './errors.ts';
import { blockKey, spoiltBlocks } from './results/blocks.ts';
import { readResultFile } from './results/csv.ts';
import { readEnvironmentRecord } from './results/env-file.ts';
import { isUsable, type Row } from './results/row.ts';
import type { Unfinished } from './run.ts';
import { type RawOptions, usage } from './values.ts';

/** Flags that only say how a run is shown, or where its services are: they may be given again with --resume. */
const ALLOWED = [
  'resume',
  'json',
  'wide',
  'markdown',
  'export',
  'threshold',
  'strict',
  'verbose',
  'color',
  'dryRun',
  'redisUrl',
  'postgresUrl',
];

/**
 * The flags that are recorded: those that make the run what it is, and no other. A flag that is not here may hold a password, as
 * the URL of a service does.
 */
export const RECORDED: readonly string[] = [
  'servers',
  'balancer',
  'affinity',
  'scenario',
  'payload',
  'connections',
  'duration',
  'warmup',
  'repeat',
  'keys',
  'sessions',
  'pool',
  'transport',
  'durability',
  'engine',
  'slice',
  'rate',
  'arrivals',
  'pin',
  'preset',
  'services',
];

/** Flags that say how a run is shown, where its files and services are, or how it goes on. */
export const NOT_RECORDED: readonly string[] = [...ALLOWED, 'out', 'config', 'store', 'seed'];

/** What `--resume` needs to know of a run: its flags, complete with the seed and the stores that were to be had. */
export function recordableOptions(given: RawOptions, config: Config): Record<string, unknown> {
  const kept = Object.entries(given).filter(([flag]) => RECORDED.includes(flag));
  const preset = given['store'] === undefined && given['preset'] === undefined ? { preset: 'glance' } : {};
  const store = config.stores.map(storeText).join(',');
  return { ...Object.fromEntries(kept), ...preset, seed: String(config.seed), store };
}

function storeText({ store, options }: StoreChoice): string {
  const pairs = pairsText(options);
  return pairs === '' ? store : `${store}:${pairs}`;
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
  const [other] = Object.keys(given).filter((flag) => !ALLOWED.includes(flag));
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
