import { randomBytes } from 'node:crypto';
import type { Config } from './config.ts';
import { chooseBalancer } from './environment/balancer.ts';
import type { RunContext } from './environment/environment.ts';
import { openGuard } from './environment/guard.ts';
import { describeMachine, kernel, lockFileHash, type MachineCells } from './environment/machine.ts';
import { buildPrograms } from './environment/programs.ts';
import { openTogether } from './environment/resources.ts';
import { messageOf } from './errors.ts';
import { planTrials, type Trial } from './plan.ts';
import { findFeasible } from './preflight.ts';
import { createProgress, type Progress } from './progress.ts';
import { type Output, openOutput } from './results/output.ts';
import type { Row } from './results/row.ts';
import { rowWithout } from './results/rows.ts';
import { baseRow, runTrial, type TrialOutcome } from './trial.ts';

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
 * @throws BenchError when nothing could be started at all.
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
    for (const text of leftOut) progress.say(`left out: ${text}. To have it: sh scripts/setup.sh`);

    const context: RunContext = { runId, config, guard, programs, chosenBalancer, signal, ...newSecrets() };
    const services: Record<string, unknown> = {};
    const describe = () => {
      const balancer = { name: chosenBalancer?.balancer.name ?? 'none', version: chosenBalancer?.version };
      const versions = { kernel: kernel(), lock_file_sha256: lockFileHash() };
      output.describe({
        run_id: runId,
        command,
        machine: { ...machine },
        ...versions,
        balancer,
        left_out: leftOut,
        services,
      });
    };
    describe();

    const failures: string[] = [];
    for (const [index, trial] of trials.entries()) {
      if (signal.aborted) break;
      progress.begin(titleOf(trial), index + 1, trials.length);
      const outcome = await runAndKeep(trial, context, machine, progress, output);
      if (outcome.failure !== undefined) failures.push(outcome.failure);
      if (outcome.service !== undefined && services[trial.arm] === undefined) {
        services[trial.arm] = outcome.service;
        describe();
      }
    }
    await resources.close();
    return { runId, path: output.path, rows: output.rows, leftOut, failures };
  });
}

/** Runs a trial and writes its rows, whatever becomes of it. */
async function runAndKeep(
  trial: Trial,
  context: RunContext,
  machine: MachineCells,
  progress: Progress,
  output: Output,
): Promise<{ service?: TrialOutcome['service']; failure?: string }> {
  try {
    const { rows, histograms, service } = await runTrial(trial, context, machine, progress.step);
    output.append(rows, histograms);
    progress.end(outcomeText(rows[0]));
    return service === undefined ? {} : { service };
  } catch (error) {
    const interrupted = context.signal.aborted;
    const reason = messageOf(interrupted ? context.signal.reason : error);
    progress.end(`${interrupted ? 'interrupted' : 'failed'}: ${reason}`);
    output.append(
      [rowWithout(baseRow(trial, context, machine), interrupted ? 'interrupted' : 'failed', reason)],
      {},
    );
    return interrupted ? {} : { failure: `${titleOf(trial)}: ${reason}` };
  }
}

function outcomeText(row: Row | undefined): string {
  if (row?.status !== 'ok') return `${row?.status}: ${row?.invalid_reason}`;
  if (row.valid === false) return `invalid: ${row.invalid_reason}`;
  const p50 = row.svc_p50_us === undefined ? '' : `, p50 ${(row.svc_p50_us / 1000).toFixed(2)} ms`;
  return `${Math.round(row.rps_ok ?? 0)} ok/s${p50}`;
}

/** A trial by what tells it from the others of the run. */
export function titleOf(trial: Trial): string {
  const servers = `${trial.servers} ${trial.servers === 1 ? 'server' : 'servers'}`;
  return `block ${trial.block}, ${trial.store}, ${trial.scenario}, ${servers}, ${trial.affinity}, ${trial.payloadBytes} B`;
}

function trialGuessMs(config: Config): number {
  return OVERHEAD_MS + (config.durationSeconds + config.warmupSeconds + config.sessions / 3000) * 1000;
}

/** Time and chance: sorts by time, and two runs of one second differ. */
function newRunId(): string {
  const time = new Date().toISOString().replace(/[-:]/g, '').replace(/\..*/, '');
  return `${time}-${randomBytes(3).toString('hex')}`;
}

function newSecrets(): Pick<RunContext, 'secret' | 'password' | 'adminPassword'> {
  return {
    secret: randomBytes(32).toString('base64'),
    password: randomBytes(16).toString('hex'),
    adminPassword: randomBytes(16).toString('hex'),
  };
}
