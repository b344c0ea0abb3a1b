/**
 * The ladder of planted waits: how much of a busy-wait of known length the instrument shows as CPU per request. All
 * steps are arms of the same blocks. Each call adds a run to results/proof/ladder-MODE.csv, and prints the slope (1 is
 * right) and the bias of every step over all runs of that mode. Usage:
 *
 *     pnpm exec tsx scripts/ladder.ts awake        closed loop, generator on a processor of its own, which never sleeps
 *     pnpm exec tsx scripts/ladder.ts asleep       the same, but it sleeps between replies
 *     pnpm exec tsx scripts/ladder.ts equal-load   at 15 % of the capacity
 *     options: [--blocks 12] [--directory results/proof] [--summary]
 */

import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { parseConfig } from '../bench/config/config.ts';
import { openTogether } from '../bench/environment/processes/resources.ts';
import { readResultFile } from '../bench/results/csv.ts';
import { openOutput } from '../bench/results/output.ts';
import { isUsable, type Row } from '../bench/results/row.ts';
import { openBench } from '../bench/run/bench.ts';
import { runBlocks } from '../bench/run/blocks.ts';
import { CONFIDENCE } from '../bench/stats/levels.ts';
import { mean } from '../bench/stats/moments.ts';
import { signedRankEstimate } from '../bench/stats/signed-rank.ts';
import { stopSignal } from './stop.ts';

ignoreClosedPipes();

const MODES = {
  awake: { awake: true },
  asleep: { awake: false },
  'equal-load': { equalLoad: true },
} as const;
/** Microseconds, about 5, 10, 20 and 40 % of what a request to the control costs; 0 only reads the clock, as all do. */
const STEPS = [0, 0.9, 1.8, 3.6, 7.2];

const { values, positionals } = parseArgs({
  options: {
    blocks: { type: 'string', default: '12' },
    directory: { type: 'string', default: 'results/proof' },
    summary: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const [mode = ''] = positionals;
if (!Object.hasOwn(MODES, mode)) {
  console.error(`expected awake, asleep or equal-load, got "${mode}"`);
  process.exit(2);
}
const path = `${values.directory}/ladder-${mode}.csv`;
const signal = stopSignal();
if (!values.summary) await measure();
print(readResultFile(path));

async function measure(): Promise<void> {
  const asked = MODES[mode as keyof typeof MODES];
  const base = parseConfig({ preset: 'gate', store: 'none', repeat: values.blocks, pin: true, ...asked }, {});
  const [control] = base.stores;
  if (control === undefined) throw new Error('expected the control in the configuration');
  const stores = STEPS.map((busyUs) => ({ ...control, label: `wait-${busyUs}us`, handicap: { busyUs } }));
  await openTogether(async (resources) => {
    const request = { config: { ...base, stores }, command: process.argv.slice(2), signal };
    const bench = await openBench(request, resources);
    const kept = existsSync(path) ? readResultFile(path) : undefined;
    const output = openOutput(path, bench.context.runId, kept);
    resources.add(path, output.close);
    await runBlocks(bench, ({ trials }) => {
      for (const { trial, rows } of trials) {
        output.append({ rows: rows.map((row): Row => ({ ...row, arm: trial.label ?? '' })) });
      }
    });
    await resources.close();
  });
}

/** Cost of each step, block by block; blocks without a usable row for every step are left out. */
function blocksOf(rows: readonly Row[]): number[][] {
  const blocks = new Map<string, Map<string, number>>();
  for (const row of rows.filter((one) => isUsable(one) && one.operation === 'all')) {
    const own = blocks.get(row.block ?? '') ?? new Map<string, number>();
    blocks.set(row.block ?? '', own);
    if (row.cpu_us_per_req_server !== undefined) own.set(row.arm ?? '', row.cpu_us_per_req_server);
  }
  return [...blocks.values()].flatMap((costs) => {
    const steps = STEPS.flatMap((busyUs) => costs.get(`wait-${busyUs}us`) ?? []);
    return steps.length === STEPS.length ? [steps] : [];
  });
}

function print(rows: readonly Row[]): void {
  const blocks = blocksOf(rows);
  const text = (values: readonly number[], digits: number) => {
    const { estimate = Number.NaN, lower, upper } = signedRankEstimate(values, CONFIDENCE);
    return `${estimate.toFixed(digits)} [${lower.toFixed(digits)}, ${upper.toFixed(digits)}]`;
  };
  const all = new Set(rows.map(({ block }) => block)).size;
  const [bare = []] = [blocks.map(([cost = Number.NaN]) => cost)];
  console.log(`${mode}: ${blocks.length} of ${all} blocks; the control costs ${text(bare, 1)} µs`);
  console.log(`slope ${text(blocks.map(slopeOf), 3)}`);
  for (const [index, planted] of STEPS.entries()) {
    if (index === 0) continue;
    const shown = blocks.map((costs) => (costs[index] as number) - (costs[0] as number));
    const bias = blocks.map((costs, at) => (100 * ((shown[at] as number) - planted)) / (costs[0] as number));
    const share = blocks.map((costs) => (100 * planted) / (costs[0] as number));
    const [, middle] = /^(\S+)/.exec(text(share, 1)) ?? [];
    console.log(`${planted} µs (${middle} %): ${text(shown, 2)} µs, bias ${text(bias, 2)} points`);
  }
}

/** Least squares of cost on planted wait. */
function slopeOf(costs: readonly number[]): number {
  const [x, y] = [mean(STEPS), mean(costs)];
  const products = STEPS.map((step, index) => (step - x) * ((costs[index] as number) - y));
  const squares = STEPS.map((step) => (step - x) ** 2);
  return mean(products) / mean(squares);
}
