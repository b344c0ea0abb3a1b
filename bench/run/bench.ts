import type { Config } from '../config/config.ts';
import { chooseBalancer } from '../environment/balancer.ts';
import { newRunId, newSecrets, type RunContext } from '../environment/context.ts';
import { describeMachine, describeRun, type MachineCells } from '../environment/machine/machine.ts';
import { type Pinning, planPinning } from '../environment/machine/pinning.ts';
import { openGuard } from '../environment/processes/guard.ts';
import type { Resources } from '../environment/processes/resources.ts';
import { buildPrograms } from '../environment/programs.ts';
import { BenchError } from '../errors.ts';
import { createProgress, type Progress } from '../progress.ts';
import type { EnvironmentRecord } from '../results/env-file.ts';
import { findFeasible, foreignServices } from './preflight.ts';

/** What every command that measures has open, before the first block. */
export interface Bench {
  context: RunContext;
  machine: MachineCells;
  progress: Progress;
  /** Backends that could not be had here, and why. */
  leftOut: readonly string[];
  /** What is known of the run so far, for the record beside its rows. */
  record: Omit<EnvironmentRecord, 'services'>;
}

export interface BenchOptions {
  config: Config;
  command: readonly string[];
  signal: AbortSignal;
  /** Of a run that is continued; a new one unless given. */
  runId?: string;
  /** Rough time of a block, until one has been timed, milliseconds. */
  blockGuessMs: number;
}

/**
 * Looks what can be had, builds the programs, and opens guard and progress; who gave the resources closes them.
 * @throws BenchError when a service, balancer or program is missing.
 */
export async function openBench(options: BenchOptions, resources: Resources): Promise<Bench> {
  const { config, leftOut } = await findFeasible(options.config);
  const pinning = pinningOf(config.pin);
  const programs = await buildPrograms();
  const chosenBalancer = await chooseBalancer(config.balancer, programs);
  const machine = await describeMachine();
  const runId = options.runId ?? newRunId();
  const guard = await openGuard();
  resources.add('guard', guard.close);
  const progress = createProgress(process.stderr, options.blockGuessMs);
  resources.add('progress', progress.close);
  for (const line of foreignServices(config)) progress.say(line);
  for (const text of leftOut) progress.say(`left out: ${text}. To have it: sh scripts/setup.sh`);
  const context: RunContext = {
    runId,
    config,
    guard,
    programs,
    chosenBalancer,
    secrets: newSecrets(),
    signal: options.signal,
    ...(pinning === undefined ? {} : { pinning }),
  };
  const record = {
    run_id: runId,
    command: options.command,
    ...describeRun(machine, chosenBalancer),
    left_out: leftOut,
  };
  return { context, machine, progress, leftOut, record };
}

/** `auto` does without where processors cannot be kept apart: the rule of lateness then says whether it matters. */
function pinningOf(wanted: Config['pin']): Pinning | undefined {
  if (wanted === false) return undefined;
  try {
    return planPinning();
  } catch (error) {
    if (wanted === 'auto' && error instanceof BenchError && error.code === 'CONFLICT') return undefined;
    throw error;
  }
}
