import { attemptTrial } from './attempt.ts';
import type { Config } from './config.ts';
import { chooseBalancer } from './environment/balancer.ts';
import { newRunId, newSecrets, type RunContext } from './environment/context.ts';
import { openGuard } from './environment/guard.ts';
import { describeMachine, describeRun } from './environment/machine.ts';
import { buildPrograms } from './environment/programs.ts';
import { openTogether } from './environment/resources.ts';
import { planTrials, titleOf } from './plan.ts';
import { findFeasible, foreignServices } from './preflight.ts';
import { createProgress } from './progress.ts';
import { openOutput } from './results/output.ts';
import type { Row } from './results/row.ts';

/** What a run ended with; the rows are those of the file at `path`. */
export interface RunOutcome {
  runId: string;
  path: string;
  rows: readonly Row[];
  /** Backends that could not be had here, and why. */
  leftOut: readonly string[];
  /** Trials that failed, each with its reason; their rows say the same. */
  failures: readonly string[];
}

/** Rough time for starting and stopping a trial, until one has been timed. */
const OVERHEAD_MS = 3_000;

/**
 * The straight line: configuration → plan → environment → load → rows → CSV. A trial that fails is a row;
 * when the signal aborts, the rows so far stay, the rest is not run, and nothing is left running.
 * @throws BenchError when nothing could be started at all, or rows cannot be written any more.
 */
export function run(wanted: Config, command: readonly string[], signal: AbortSignal): Promise<RunOutcome> {
  return openTogether(async (resources) => {
    const { config, leftOut } = await findFeasible(wanted);
    const trials = planTrials(config);
    const programs = await buildPrograms();
    const chosenBalancer = await chooseBalancer(config.balancer, programs);
    const machine = await describeMachine();
    const runId = newRunId();

    const output = openOutput(config.out, runId);
    resources.add('result file', output.close);
    const guard = await openGuard();
    resources.add('guard', guard.close);
    const progress = createProgress(process.stderr, trialGuessMs(config));
    resources.add('progress', progress.close);
    for (const line of foreignServices(config)) progress.say(line);
    for (const text of leftOut) progress.say(`left out: ${text}. To have it: sh scripts/setup.sh`);

    const secrets = newSecrets();
    const context: RunContext = { runId, config, guard, programs, chosenBalancer, secrets, signal };
    const record = { run_id: runId, command, ...describeRun(machine, chosenBalancer), left_out: leftOut };
    const services: Record<string, unknown> = {};
    output.describe({ ...record, services });

    const failures: string[] = [];
    for (const [index, trial] of trials.entries()) {
      if (signal.aborted) break;
      progress.begin(titleOf(trial), index + 1, trials.length);
      const attempt = await attemptTrial(trial, context, machine, progress.step);
      output.append(attempt.rows, attempt.histograms);
      progress.end(attempt.summary);
      if (attempt.failure !== undefined) failures.push(attempt.failure);
      if (attempt.service === undefined || services[trial.arm] !== undefined) continue;
      services[trial.arm] = attempt.service;
      output.describe({ ...record, services });
    }
    await resources.close();
    return { runId, path: output.path, rows: output.rows, leftOut, failures };
  });
}

function trialGuessMs(config: Config): number {
  return OVERHEAD_MS + (config.durationSeconds + config.warmupSeconds + config.sessions / 3000) * 1000;
}
