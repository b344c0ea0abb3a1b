import type { Config } from '../config/config.ts';
import { nullServerRate } from '../probe/null-server.ts';
import { lacksBlocks, tooFewText } from '../results/blocks.ts';
import { hasEnded, isSpoilt, type Row } from '../results/row.ts';
import { counted } from '../results/text.ts';
import { GENERATOR_HEADROOM } from '../results/validity.ts';
import type { Bench } from './bench.ts';
import type { BlockLoad } from './block/arms.ts';
import { type BlockOutcome, runBlock } from './block/block.ts';
import { blockSummary } from './block-summary.ts';
import { type Block, blockTitle, groupText, planRepetition, type Trial, takesTurns } from './plan.ts';

/** The result of the blocks of a run. */
export interface BlocksOutcome {
  /** Trials and parts that failed, each with its reason; their rows say the same. */
  failures: readonly string[];
  /** Groups that have fewer valid blocks than requested, after replacements. */
  tooFew: readonly string[];
  /** Offered rate of each group, requests per second; empty in a closed loop. */
  rates: Readonly<Record<string, number>>;
  /** Valid blocks of the group that has fewest. */
  validBlocks: number;
}

export interface BlocksOptions {
  /** Rows of the same run, when it is continued: blocks that have ended are not run again, and those dropped are replaced. */
  finished?: readonly Row[] | undefined;
  /** No block begins later, by `performance.now()`; dropped blocks are replaced until then, however many. */
  deadlineMs?: number | undefined;
  /** Asked after each repetition with the least number of valid blocks of a group: true ends the run early. */
  isEnough?: (validBlocks: number) => boolean;
  /** Runs a block; default {@link runBlock}. */
  execute?: typeof runBlock;
}

/** Maximum share of the blocks that a run, or its continuation, replaces when they are dropped; beyond it is INVALID. */
const REPLACED_SHARE = 0.25;
/** Measured time per arm to estimate the capacity, before a rate that is a share of it. */
const SCOUT_SECONDS = 2;
const HEADROOM_SECONDS = 1;

/** The blocks of a group so far. */
interface GroupState {
  name: string;
  valid: number;
  dropped: number;
}

/**
 * Runs the blocks of a configuration, repetition by repetition, until every group has its valid blocks. Blocks that are
 * dropped as invalid are replaced, within limits. The rules that drop a block do not depend on any arm's figures, only
 * on whether the experiment was sound.
 * @param sink receives each block when it has ended, to store its rows.
 */
export async function runBlocks(
  bench: Bench,
  sink: (outcome: BlockOutcome) => void,
  { finished = [], deadlineMs, isEnough = () => false, execute = runBlock }: BlocksOptions = {},
): Promise<BlocksOutcome> {
  const { context, progress } = bench;
  const { config, signal } = context;
  const failures: string[] = [];
  const loads = new Map<string, BlockLoad>();
  const names = new Set(planRepetition(config, 1).map(({ group }) => groupText(group)));
  const groups = new Map(
    [...names].map((name): [string, GroupState] => [name, { name, valid: 0, dropped: 0 }]),
  );
  const stateOf = (block: Block) => groups.get(groupText(block.group)) as GroupState;
  const last = lastRepetition(config, deadlineMs, finished);
  let ran = 0;
  let isSettled = false;

  /** Runs a block; returns whether it is valid. */
  const attempt = async (block: Block): Promise<boolean> => {
    ran += 1;
    const missing = [...groups.values()].reduce((sum, { valid }) => sum + config.repeat - valid, 0);
    progress.begin(blockTitle(block), ran, ran + Math.max(0, missing - 1));
    const load = await loadOf(bench, block, loads);
    const outcome = await execute(block, load, context, bench.machine, progress.step);
    sink(outcome);
    failures.push(...outcome.failures);
    progress.end(blockSummary(outcome));
    return !isDropped(outcome);
  };
  const leastValid = () => Math.min(...[...groups.values()].map(({ valid }) => valid));
  const isOver = () => signal.aborted || (deadlineMs !== undefined && performance.now() > deadlineMs);

  for (let repetition = 1; repetition <= last && !isSettled && !isOver(); repetition += 1) {
    const due = planRepetition(config, repetition).filter((block) => stateOf(block).valid < config.repeat);
    if (due.length === 0) break;
    const valid = new Map<GroupState, boolean>();
    for (const block of due) {
      if (isOver()) break;
      const state = stateOf(block);
      const known = endOf(block, finished, context);
      if (known === undefined && repetition > config.repeat) progress.say(replacementText(state, config));
      const isValid = known === undefined ? await attempt(block) : known === 'valid';
      if (signal.aborted) break;
      // A group whose arms take no turns has several parts in a repetition.
      valid.set(state, isValid && valid.get(state) !== false);
    }
    for (const [state, isValid] of valid) {
      if (isValid) state.valid += 1;
      else state.dropped += 1;
    }
    isSettled = isEnough(leastValid());
  }
  const rates = [...loads].flatMap(([group, { ratePerSecond }]) =>
    ratePerSecond === undefined ? [] : [[group, ratePerSecond]],
  );
  return {
    failures,
    tooFew: isSettled ? [] : tooFewOf([...groups.values()], config, deadlineMs),
    rates: Object.fromEntries(rates),
    validBlocks: leastValid(),
  };
}

/** The last repetition: with those that replace dropped blocks, but where arms do not share blocks. */
function lastRepetition(config: Config, deadlineMs: number | undefined, finished: readonly Row[]): number {
  const { repeat } = config;
  if (!takesTurns(config)) return repeat;
  if (deadlineMs !== undefined) return Number.POSITIVE_INFINITY;
  const replaced = Math.floor(repeat * REPLACED_SHARE);
  if (finished.length === 0) return repeat + replaced;
  // Whoever continues a run wants to replace at least one.
  return Math.max(repeat, ...finished.map(ordinalOf)) + Math.max(1, replaced);
}

/** `20261129T155912-209ab8-17` is block 17 of its run. */
const ordinalOf = ({ block = '' }: Row) => Number(block.slice(block.lastIndexOf('-') + 1));

function replacementText({ name, valid }: GroupState, { repeat }: Config): string {
  return `${name}: ${counted(repeat - valid, 'block')} missing, one is replaced`;
}

/** The groups that lack valid blocks because some were dropped. */
function tooFewOf(
  groups: readonly GroupState[],
  { repeat }: Config,
  deadlineMs: number | undefined,
): string[] {
  return groups
    .filter((group) => lacksBlocks(group, repeat, deadlineMs !== undefined))
    .map(({ name, valid }) => tooFewText(name, valid, repeat));
}

/** When a run that begins now must start no more blocks; `undefined` without `--within`. */
export function deadlineOf({ withinSeconds }: Config): number | undefined {
  return withinSeconds === undefined ? undefined : performance.now() + withinSeconds * 1000;
}

/** The load of a block, like that of earlier blocks of its group; rate and instrument are measured once. */
async function loadOf(bench: Bench, block: Block, known: Map<string, BlockLoad>): Promise<BlockLoad> {
  const group = groupText(block.group);
  const before = known.get(group);
  if (before !== undefined) return before;
  // What breaks under the load has a rate of its own, at which no generator is late.
  const ratePerSecond = block.group.fault === undefined ? await rateOf(bench, block) : undefined;
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
  return trials.some(({ rows }) => rows.some(isSpoilt));
}

/** How a block of an earlier call ended; `undefined` for one that is to be run, again or for the first time. */
function endOf(block: Block, finished: readonly Row[], { config, runId }: Bench['context']): End | undefined {
  const own = finished.filter(
    (row) => row.block === `${runId}-${block.block}` && block.trials.some((trial) => isOf(trial, row)),
  );
  // Where arms take no turns nothing is replaced: it is measured again.
  if (own.some(isSpoilt)) return takesTurns(config) ? 'dropped' : undefined;
  const isComplete = block.trials.every((trial) => own.some((row) => isOf(trial, row) && hasEnded(row)));
  return isComplete ? 'valid' : undefined;
}

type End = 'valid' | 'dropped';

function isOf(trial: Trial, row: Row): boolean {
  return (
    row.arm === trial.arm &&
    row.scenario === trial.scenario &&
    row.fault === trial.fault &&
    (trial.site !== undefined ||
      (row.servers === trial.servers &&
        row.affinity === trial.affinity &&
        row.payload_bytes === trial.payloadBytes &&
        row.store_distance_ms === trial.storeDistanceMs &&
        row.inner_servers === trial.innerServers))
  );
}
