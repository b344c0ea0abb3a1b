import { type Comparison, compareRows } from '../compare/compare.ts';
import type { Config } from '../config/config.ts';
import { bothSides } from '../config/store-choice.ts';
import { openTogether, type Resources } from '../environment/processes/resources.ts';
import { openOutput } from '../results/output.ts';
import { type Bench, openBench } from '../run/bench.ts';
import { type BlocksOutcome, runBlocks } from '../run/blocks.ts';
import { openBaselineServer } from './baseline-server.ts';
import { openBaseline } from './worktree.ts';

/** The result of measuring two commits in one run. */
export interface GateOutcome extends BlocksOutcome {
  comparison: Comparison;
  /** Result files of the two sides; they share their block ids. */
  files: { base: string; head: string };
}

/**
 * Measures base and head interleaved: every store twice in each block, once with the servers and stores of the commit
 * `base`, once with those of the work tree. Harness, balancer and load generator are the work tree's for both.
 * @param base any name of a commit that git accepts.
 * @throws BenchError for a base that is not available, a part that cannot be started, or files that cannot be written.
 */
export function gate(
  config: Config,
  base: string,
  command: readonly string[],
  signal: AbortSignal,
): Promise<GateOutcome> {
  return openTogether(async (resources) => {
    const both = { ...config, stores: config.stores.flatMap(bothSides) };
    const opened = await openBench({ config: both, command, signal }, resources);
    const bench = await withBaseline(opened, base, resources);
    const { runId } = bench.context;
    const names = gateFiles(config.out, runId);
    const outputs = { base: openOutput(names.base, runId), head: openOutput(names.head, runId) };
    resources.add('result file of the base', outputs.base.close);
    resources.add('result file of the head', outputs.head.close);
    const services: Record<string, unknown> = {};
    const describe = () => {
      for (const output of Object.values(outputs)) output.describe({ ...bench.record, services });
    };
    describe();
    const outcome = await runBlocks(bench, ({ trials }) => {
      for (const { trial, rows, histograms, service } of trials) {
        outputs[trial.side ?? 'head'].append(rows, histograms);
        if (service !== undefined) services[trial.arm] ??= service;
      }
      describe();
    });
    await resources.close();
    const comparison = compareRows(outputs.base.rows, outputs.head.rows, names);
    return { ...outcome, comparison, files: names };
  });
}

async function withBaseline(bench: Bench, ref: string, resources: Resources): Promise<Bench> {
  const { context, progress } = bench;
  const { guard, signal } = context;
  const baseline = await openBaseline({ ref, guard, signal, say: progress.say });
  resources.add('baseline', baseline.close);
  const baselineServer = await openBaselineServer(baseline.root, context.config.stores, context);
  const baselineCells = { git_sha: baseline.gitSha, git_dirty: false };
  return { ...bench, context: { ...context, baselineServer, baselineCells } };
}

/** `--out NAME.csv` gives NAME-base.csv and NAME-head.csv. */
function gateFiles(out: string | undefined, runId: string): { base: string; head: string } {
  const stem = (out ?? `results/${runId}.csv`).replace(/\.csv$/, '');
  return { base: `${stem}-base.csv`, head: `${stem}-head.csv` };
}
