import { nullServerRate } from '../probe/null-server.ts';
import { isUsable, type Row } from '../results/row.ts';
import { GENERATOR_HEADROOM } from '../results/validity.ts';
import type { Bench } from './bench.ts';
import type { BlockLoad } from './block/arms.ts';
import { type BlockOutcome, runBlock } from './block/block.ts';
import { armName, type Block, blockTitle, groupText, planBlocks, planRepetition } from './plan.ts';

/** The result of the blocks of a run. */
export interface BlocksOutcome {
  /** Trials and parts that failed, each with its reason; their rows say the same. */
  failures: readonly string[];
  /** Groups that have fewer valid blocks than requested, after replacements. */
  tooFew: readonly string[];
  /** Offered rate of each group, requests per second; empty in a closed loop. */
  rates: Readonly<Record<string, number>>;
}

export interface BlocksOptions {
  /** Rows of the same run, when it is continued: their blocks are not run again. */
  finished?: readonly Row[];
  /** No block begins later, by `performance.now()`. */
  deadlineMs?: number;
  /** Runs a block; default {@link runBlock}. */
  execute?: typeof runBlock;
}

/** Maximum share of the blocks that is replaced when they are dropped; beyond it the run is INVALID. */
const REPLACED_SHARE = 0.25;
/** Measured time per arm to estimate the capacity, before a rate that is a share of it. */
const SCOUT_SECONDS = 2;
const HEADROOM_SECONDS = 1;

/**
 * Runs the blocks of a configuration, and replaces, within limits, those that were dropped as invalid. The rules that
 * drop a block do not depend on any arm's figures, only on whether the experiment was sound.
 * @param sink receives each block when it has ended, to store its rows.
 */
export async function runBlocks(
  bench: Bench,
  sink: (outcome: BlockOutcome) => void,
  { finished = [], deadlineMs = Number.POSITIVE_INFINITY, execute = runBlock }: BlocksOptions = {},
): Promise<BlocksOutcome> {
  const { context, progress } = bench;
  const { config, signal } = context;
  const failures: string[] = [];
  const loads = new Map<string, BlockLoad>();
  const dropped = new Map<string, number>();

  const planned = planBlocks(config).filter((block) => !isFinished(block, finished, context.runId));
  let total = planned.length;
  let ordinal = 0;
  const attempt = async (block: Block): Promise<boolean> => {
    ordinal += 1;
    progress.begin(blockTitle(block), ordinal, total);
    const load = await loadOf(bench, block, loads);
    const outcome = await execute(block, load, context, bench.machine, progress.step);
    sink(outcome);
    failures.push(...outcome.failures);
    progress.end(summaryOf(outcome));
    return isDropped(outcome);
  };

  let ended = 0;
  for (const block of planned) {
    if (signal.aborted || performance.now() > deadlineMs) break;
    const group = groupText(block.group);
    const wasDropped = await attempt(block);
    if (signal.aborted) break;
    ended += 1;
    if (wasDropped) dropped.set(group, (dropped.get(group) ?? 0) + 1);
  }
  const notRun = (group: string) =>
    planned.slice(ended).filter((block) => groupText(block.group) === group).length;
  const tooFew: string[] = [];
  const budget = config.engine === 'slices' ? Math.floor(config.repeat * REPLACED_SHARE) : 0;
  for (const [group, lost] of dropped) {
    let missing = lost;
    for (let extra = 1; extra <= budget && missing > 0 && !signal.aborted; extra += 1) {
      total += 1;
      progress.say(`${group}: ${missing} blocks missing; replacement ${extra} of at most ${budget}`);
      const again = planRepetition(config, config.repeat + extra).find(
        (block) => groupText(block.group) === group,
      );
      if (again !== undefined && !(await attempt(again))) missing -= 1;
    }
    const valid = config.repeat - missing - notRun(group);
    if (missing > 0) tooFew.push(`${group}: ${valid} valid blocks of ${config.repeat}`);
  }
  const rates = [...loads].flatMap(([group, { ratePerSecond }]) =>
    ratePerSecond === undefined ? [] : [[group, ratePerSecond]],
  );
  return { failures, tooFew, rates: Object.fromEntries(rates) };
}

/** The load of a block, like that of earlier blocks of its group; rate and instrument are measured once. */
async function loadOf(bench: Bench, block: Block, known: Map<string, BlockLoad>): Promise<BlockLoad> {
  const group = groupText(block.group);
  const before = known.get(group);
  if (before !== undefined) return before;
  const ratePerSecond = await rateOf(bench, block);
  const load = { ratePerSecond, nullServerRps: await headroom(bench, ratePerSecond) };
  known.set(group, load);
  return load;
}

/** The rate that the generator reaches on its own, where a rate must be kept; `undefined` in a closed loop. */
async function headroom(
  { context, progress }: Bench,
  ratePerSecond: number | undefined,
): Promise<number | undefined> {
  if (ratePerSecond === undefined) return undefined;
  progress.step('load generator against the null server');
  return nullServerRate(context, {
    ratePerSecond: ratePerSecond * GENERATOR_HEADROOM,
    connections: context.config.connections,
    durationSeconds: HEADROOM_SECONDS,
  });
}

/** The offered rate; for a share of the capacity, measures that now. `undefined` in a closed loop. */
async function rateOf(bench: Bench, block: Block): Promise<number | undefined> {
  const { config } = bench.context;
  if (config.rate === undefined) return undefined;
  if ('perSecond' in config.rate) return config.rate.perSecond;
  const { share } = config.rate;
  const scouting = {
    ...bench.context,
    config: { ...config, rate: undefined, durationSeconds: Math.min(SCOUT_SECONDS, config.durationSeconds) },
  };
  const step = (text: string) => bench.progress.step(`capacity: ${text}`);
  const load = { ratePerSecond: undefined, nullServerRps: undefined };
  const { trials } = await runBlock(block, load, scouting, bench.machine, step);
  const capacities = trials.flatMap(({ rows: [whole] }) =>
    whole?.rps_ok === undefined ? [] : [whole.rps_ok],
  );
  // Without a capacity the block itself will fail, and say why.
  if (capacities.length === 0) return 1;
  const rate = Math.max(1, Number((Math.min(...capacities) * share).toPrecision(2)));
  const group = groupText(block.group);
  bench.progress.say(`${group}: ${rate} requests/s, ${share * 100} % of what the slowest arm can do`);
  return rate;
}

/** Whether the block was measured and must not be used. A block whose arms were all unavailable does not count. */
function isDropped({ trials }: BlockOutcome): boolean {
  return trials.some(({ rows }) => rows.some((row) => row.status === 'ok' && row.valid === false));
}

function isFinished(block: Block, finished: readonly Row[], runId: string): boolean {
  const id = `${runId}-${block.block}`;
  return block.trials.every((trial) =>
    finished.some(
      (row) =>
        row.block === id &&
        row.arm === trial.arm &&
        row.servers === trial.servers &&
        row.affinity === trial.affinity &&
        row.scenario === trial.scenario &&
        row.payload_bytes === trial.payloadBytes &&
        (isUsable(row) || row.status === 'unsupported'),
    ),
  );
}

function summaryOf({ trials, failures }: BlockOutcome): string {
  const [failure] = failures;
  if (failure !== undefined) return failure;
  const parts = trials.map(({ trial, rows: [row] }) => {
    const name = armName(trial);
    if (row?.status !== 'ok') return `${name} ${row?.status}: ${row?.invalid_reason}`;
    if (row.valid === false) return `${name} INVALID: ${row.invalid_reason}`;
    return `${name} ${Math.round(row.rps_ok ?? 0)}/s`;
  });
  return parts.join(', ');
}
