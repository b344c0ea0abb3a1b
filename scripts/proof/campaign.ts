import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { type Config, parseConfig } from '../../bench/config/config.ts';
import { openTogether } from '../../bench/environment/processes/resources.ts';
import { readResultFile } from '../../bench/results/csv.ts';
import { openOutput } from '../../bench/results/output.ts';
import { type Bench, openBench } from '../../bench/run/bench.ts';
import { runBlock } from '../../bench/run/block/block.ts';
import { runBlocks } from '../../bench/run/blocks.ts';
import { estimateBlockMs } from '../../bench/run/estimate.ts';
import { planRepetition } from '../../bench/run/plan.ts';
import { armsAtEqualLoad, armsOfGate, choicesOf } from './arms.ts';

/** Blocks of a gate, as in `pnpm bench gate`. */
const BLOCKS_PER_GATE = 24;

/** Load of the arms in each block of the campaign: a quarter of a gate's own, so that more gates fit into the time. */
const LOAD = {
  preset: 'gate',
  store: 'none,redis',
  duration: '500ms',
  warmup: '400ms',
  sessions: '300',
} as const;

/** Information about a gate beside its rows: one line of JSON in `gates.jsonl`. */
export interface GateRecord {
  run_id: string;
  ordinal: number;
  started_at: string;
  seconds: number;
  /** CPU µs per request of the control, on which planted shares are based. */
  control_us: number;
  /** Requests per second offered to each arm; absent in a closed loop. */
  rate_per_s?: number | undefined;
  finished: boolean;
}

/** The arm on whose cost planted shares are based. */
const CONTROL = 'none-1';

/** The files for the rows of an arm, and for the gates. */
export const armFile = (directory: string, name: string): string => `${directory}/gates-${name}.csv`;
const gatesFile = (directory: string) => `${directory}/gates.jsonl`;

/** The gates run so far. */
export function readGates(directory: string): GateRecord[] {
  const path = gatesFile(directory);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as GateRecord);
}

export interface CampaignOptions {
  minutes: number;
  /** Offers every arm this rate instead of its maximum: planted slowness then shows undistorted. */
  ratePerSecond: number | undefined;
}

/**
 * Runs gates until the time is up, each of {@link BLOCKS_PER_GATE} blocks with all its arms at once, and appends their
 * rows to one file for each arm; `run_id` distinguishes the gates. Further calls add gates. A gate that is stopped is
 * recorded as unfinished, and does not count. Returns the number of finished ones.
 */
export async function runCampaign(
  directory: string,
  { minutes, ratePerSecond }: CampaignOptions,
  signal: AbortSignal,
): Promise<number> {
  const deadlineMs = performance.now() + minutes * 60_000;
  let finished = 0;
  let lastMs = 0;
  while (!signal.aborted && performance.now() + lastMs < deadlineMs) {
    const beganMs = performance.now();
    const ordinal = readGates(directory).length;
    const record = await runGate(ordinal, directory, ratePerSecond, signal);
    lastMs = performance.now() - beganMs;
    appendFileSync(gatesFile(directory), `${JSON.stringify(record)}\n`);
    if (record.finished) finished += 1;
  }
  return finished;
}

function runGate(
  ordinal: number,
  directory: string,
  ratePerSecond: number | undefined,
  signal: AbortSignal,
): Promise<GateRecord> {
  return openTogether(async (resources) => {
    const startedAt = new Date();
    const arms = ratePerSecond === undefined ? armsOfGate(ordinal) : armsAtEqualLoad();
    const rate = ratePerSecond === undefined ? {} : { rate: String(ratePerSecond) };
    const asked = parseConfig({ ...LOAD, ...rate, repeat: String(BLOCKS_PER_GATE) }, {});
    const command = process.argv.slice(2);
    const guess = estimateBlockMs({ ...asked, stores: choicesOf(arms, asked.stores, 0) });
    const opened = await openBench({ config: asked, command, signal, estimatedBlockMs: guess }, resources);
    const bare = { ...asked, stores: choicesOf(arms, asked.stores, 0) };
    const controlUs = await measureControlCost(opened, bare);
    const config = { ...asked, stores: choicesOf(arms, asked.stores, controlUs) };
    const bench = { ...opened, context: { ...opened.context, config } };
    const { runId } = bench.context;
    const outputs = new Map(
      arms.map(({ name }) => {
        const path = armFile(directory, name);
        const kept = existsSync(path) ? readResultFile(path) : undefined;
        const output = openOutput(path, runId, kept);
        resources.add(path, output.close);
        return [name, output];
      }),
    );
    const outcome = await runBlocks(bench, ({ trials }) => {
      for (const { trial, rows } of trials) outputs.get(trial.label ?? '')?.append({ rows });
    });
    await resources.close();
    return {
      run_id: runId,
      ordinal,
      started_at: startedAt.toISOString(),
      seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
      control_us: controlUs,
      rate_per_s: ratePerSecond,
      finished: !signal.aborted && outcome.failures.length === 0,
    };
  });
}

/** CPU of the control's server per request, under the conditions of the gate: a block of all arms that is discarded. */
async function measureControlCost(bench: Bench, config: Config): Promise<number> {
  const context = { ...bench.context, config };
  const [block] = planRepetition(config, 0);
  if (block === undefined) throw new Error('expected a plan with at least one block');
  const { rate } = config;
  const ratePerSecond = rate !== undefined && 'perSecond' in rate ? rate.perSecond : undefined;
  const load = { ratePerSecond, nullServerRps: undefined };
  const { trials } = await runBlock(block, load, context, bench.machine, bench.progress.step);
  const row = trials.find(({ trial }) => trial.label === CONTROL)?.rows[0];
  const us = row?.cpu_us_per_req_server;
  if (us === undefined)
    throw new Error(`expected a CPU figure of the control, got none: ${row?.invalid_reason ?? ''}`);
  return us;
}
