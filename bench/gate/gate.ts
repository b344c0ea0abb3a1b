import { type Comparison, compareRows } from '../compare/compare.ts';
import { looksUpTo } from '../compare/sequential.ts';
import type { Config } from '../config/config.ts';
import { bothSides } from '../config/store-choice.ts';
import { openTogether } from '../environment/processes/resources.ts';
import type { SequentialPlan } from '../results/gate-plan.ts';
import { openOutput } from '../results/output.ts';
import { openBench } from '../run/bench.ts';
import type { BlockOutcome } from '../run/block/block.ts';
import { type BlocksOutcome, deadlineOf, runBlocks } from '../run/blocks.ts';
import { timeText } from '../run/estimate.ts';
import { checkBase, withBaseline } from './baseline.ts';
import { runAtEqualLoad } from './equal-load.ts';
import { isSettled, lookText, planText } from './looks.ts';

/** The result of measuring two commits in one run. */
export interface GateOutcome extends BlocksOutcome {
  /** `undefined` without a single valid block. */
  comparison: Comparison | undefined;
  /** Result files of the two sides; they share their block ids. */
  files: { base: string; head: string };
}

/** What a gate compares, and by which figures. */
export interface GateQuestion {
  /** Any name of a commit that git accepts. */
  base: string;
  deciding: SequentialPlan['deciding'];
}

/**
 * Measures base and head interleaved: every store twice in each block, once with the servers and stores of the commit
 * `base`, once with those of the work tree. Harness, balancer and load generator are the work tree's for both. It looks
 * at its data after certain numbers of blocks, and ends when all that decides is settled. What is slower in the closed
 * loop is then measured at equal load, for its size.
 * @throws BenchError for a base that is not available, a part that cannot be started, or files that cannot be written.
 */
export function gate(
  config: Config,
  { base, deciding }: GateQuestion,
  command: readonly string[],
  signal: AbortSignal,
): Promise<GateOutcome> {
  return openTogether(async (resources) => {
    await checkBase(config.stores, base, signal);
    const both = { ...config, stores: config.stores.flatMap(bothSides) };
    const opened = await openBench({ config: both, command, signal }, resources);
    const { progress } = opened;
    progress.say(timeText(both));
    progress.say(planText(config, deciding));
    const bench = await withBaseline(opened, base, resources);
    const { runId } = bench.context;
    const names = gateFiles(config.out, runId);
    const outputs = { base: openOutput(names.base, runId), head: openOutput(names.head, runId) };
    resources.add('result file of the base', outputs.base.close);
    resources.add('result file of the head', outputs.head.close);

    const looks: number[] = [];
    const plan: SequentialPlan = { looks, planned: config.repeat, deciding };
    const services: Record<string, unknown> = {};
    const describe = () => {
      for (const output of Object.values(outputs)) output.describe({ ...bench.record, services, gate: plan });
    };
    const store = ({ trials }: BlockOutcome) => {
      for (const { trial, service, ...measured } of trials) {
        outputs[trial.side ?? 'head'].append(measured);
        if (service !== undefined) services[trial.arm] ??= service;
      }
      describe();
    };
    const compareNow = () => compareRows(outputs.base.rows, outputs.head.rows, names, plan);
    const look = (validBlocks: number): boolean => {
      const next = looksUpTo(config.repeat)[looks.length];
      if (next === undefined || validBlocks < next) return false;
      looks.push(validBlocks);
      const comparison = compareNow();
      progress.say(lookText(validBlocks, comparison, config.repeat));
      return isSettled(comparison);
    };

    describe();
    const outcome = await runBlocks(bench, store, { deadlineMs: deadlineOf(config), isEnough: look });
    if (outcome.validBlocks > (looks.at(-1) ?? 0)) looks.push(outcome.validBlocks);
    const hasRows = outcome.validBlocks > 0;
    const alarm =
      hasRows && compareNow().verdict === 'REGRESSED' && config.rate === undefined && !signal.aborted;
    const atEqualLoad = alarm ? await runAtEqualLoad(bench, store) : undefined;
    describe();
    await resources.close();
    const failures = [...outcome.failures, ...(atEqualLoad?.failures ?? [])];
    return { ...outcome, failures, comparison: hasRows ? compareNow() : undefined, files: names };
  });
}

/** `--out NAME.csv` gives NAME-base.csv and NAME-head.csv. */
function gateFiles(out: string | undefined, runId: string): { base: string; head: string } {
  const stem = (out ?? `results/${runId}.csv`).replace(/\.csv$/, '');
  return { base: `${stem}-base.csv`, head: `${stem}-head.csv` };
}
