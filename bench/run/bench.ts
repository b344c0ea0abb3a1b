import type { Config } from '../config/config.ts';
import { rehearseModules } from '../conformance/rehearse-module.ts';
import { chooseBalancer } from '../environment/balancer.ts';
import { newRunId, newSecrets, type RunContext } from '../environment/context.ts';
import { openEdge } from '../environment/edge.ts';
import { lookAtExporters } from '../environment/exporter/scrape.ts';
import { describeMachine, describeRun, type MachineCells } from '../environment/machine/machine.ts';
import { type Pinning, pinningIfPossible, planPinning } from '../environment/machine/pinning.ts';
import { openGuard } from '../environment/processes/guard.ts';
import type { Resources } from '../environment/processes/resources.ts';
import { buildPrograms } from '../environment/programs.ts';
import { createProgress, type Progress } from '../progress.ts';
import type { EnvironmentRecord } from '../results/env-file.ts';
import { decideAwake } from './awake.ts';
import { estimateBlockMs } from './estimate.ts';
import { findFeasible, inspectExternal, visitSites } from './preflight.ts';

/** What every measuring command opens before the first block. */
export interface Bench {
  context: RunContext;
  machine: MachineCells;
  progress: Progress;
  /** Backends that are not available here, with the reasons. */
  unavailable: readonly string[];
  /** What is known of the run so far, for the record beside its rows. */
  record: Omit<EnvironmentRecord, 'services'>;
}

export interface BenchOptions {
  config: Config;
  command: readonly string[];
  signal: AbortSignal;
  /** The id of a run that is continued; default a new one. */
  runId?: string;
  /** Estimated time of a block, until one has been timed, milliseconds; default by the configuration. */
  estimatedBlockMs?: number;
}

/**
 * Finds the available backends, builds the programs, opens the guard and the progress line. The caller closes
 * `resources`.
 * @throws BenchError when a service, balancer or program is missing.
 */
export async function openBench(options: BenchOptions, resources: Resources): Promise<Bench> {
  const { config, unavailable } = await findFeasible(options.config);
  const external = [
    ...(await inspectExternal(config)),
    ...(await visitSites(config, options.signal)),
    ...(await lookAtExporters(config.cpuFrom)),
  ];
  const programs = await buildPrograms();
  const chosenBalancer = await chooseBalancer(config.balancer, programs, config.tls);
  const rig = await chooseRig(config, chosenBalancer);
  const machine = await describeMachine();
  const runId = options.runId ?? newRunId();
  const guard = await openGuard();
  resources.add('guard', guard.close);
  const certificates = config.tls ? await openEdge(guard, resources) : undefined;
  const progress = createProgress(
    process.stderr,
    options.estimatedBlockMs ?? estimateBlockMs(options.config),
  );
  resources.add('progress', progress.close);
  for (const line of external) progress.say(line);
  for (const text of unavailable) progress.say(`left out: ${text}. To install it: sh scripts/setup.sh`);
  const context: RunContext = {
    runId,
    config,
    guard,
    programs,
    chosenBalancer,
    secrets: newSecrets(),
    signal: options.signal,
    ...(certificates === undefined ? {} : { certificates }),
    ...rig,
  };
  const { tier, urls, durability } = config;
  const stage = { ...context, tier, urls };
  await rehearseModules(config.stores, durability, stage);
  const record = {
    run_id: runId,
    command: options.command,
    ...describeRun(machine, chosenBalancer),
    left_out: unavailable,
  };
  return { context, machine, progress, unavailable, record };
}

/** The processors of each role, and whether the generator stays awake. */
export async function chooseRig(
  config: Config,
  balancer: RunContext['chosenBalancer'],
): Promise<Pick<RunContext, 'staysAwake' | 'pinning'>> {
  const pinning = pinningOf(config.pin);
  const staysAwake = await decideAwake(config, pinning, balancer);
  return { staysAwake, ...(pinning === undefined ? {} : { pinning }) };
}

/**
 * `auto` continues without pinning where it is not possible: the rule of lateness then decides whether that matters.
 */
function pinningOf(wanted: Config['pin']): Pinning | undefined {
  if (wanted === false) return undefined;
  return wanted === 'auto' ? pinningIfPossible() : planPinning();
}
