import { availableParallelism } from 'node:os';
import type { Config } from '../../config/config.ts';
import { failureRate } from '../../config/failure.ts';
import type { RunContext } from '../../environment/context.ts';
import { type Generator, startGenerator } from '../../environment/generator.ts';
import { parseCpuList } from '../../environment/machine/cpu-list.ts';
import type { MachineCells } from '../../environment/machine/machine.ts';
import { openTogether, type Resources } from '../../environment/processes/resources.ts';
import { isEchoError } from '../../environment/server-echo.ts';
import { messageOf } from '../../errors.ts';
import type { LoadModel } from '../../load/job.ts';
import type { Row } from '../../results/row.ts';
import { rowWithout } from '../../results/rows.ts';
import type { SeriesRecord } from '../../results/series.ts';
import type { SliceRecord } from '../../results/slices.ts';
import { seededRandom } from '../../stats/random.ts';
import { type Block, type Trial, titleOf } from '../plan.ts';
import { type AbsentArm, type Arm, type BlockLoad, describeService, openArms } from './arms.ts';
import { baseRow } from './base-row.ts';
import { measureFailure } from './failure.ts';
import { measureArms } from './measure.ts';
import { type MeasuredTrial, rowsOfBlock } from './rows-of-block.ts';
import { warmUp } from './warm-up.ts';

/** The result of one arm of a block; always has rows. */
export interface TrialOutcome {
  trial: Trial;
  rows: readonly Row[];
  /** Encoded histograms by operation, of service times or, in an open loop, of response times. */
  histograms: Readonly<Record<string, string>>;
  /** Every slice of warm-up and measurement. */
  slices?: readonly SliceRecord[];
  /** Every second, where something happened in time. */
  series?: readonly SeriesRecord[];
  /** Tier, networking and settings of its service; absent without one. */
  service?: Record<string, unknown>;
}

export interface BlockOutcome {
  trials: readonly TrialOutcome[];
  /** What failed, each naming its trial or part. */
  failures: readonly string[];
}

/** The end of a process is known this long after its connections and channels broke, at the latest. */
const DEATH_NOTICED_MS = 500;

/** An arm whose process died, with the error. */
class ArmDied extends Error {
  readonly arm: Arm;
  constructor(arm: Arm, cause: Error) {
    super(cause.message, { cause });
    this.arm = arm;
  }
}

/**
 * Runs one block from start to rows, and leaves nothing running: all arms up at once, load in slices by turns. It
 * always returns rows: what failed or was stopped is a row with its status.
 * @throws BenchError ARM_DIFFERS when a server runs something other than its arm's label says.
 */
export async function runBlock(
  block: Block,
  load: BlockLoad,
  context: RunContext,
  machine: MachineCells,
  onProgress: (text: string) => void,
): Promise<BlockOutcome> {
  try {
    return await openTogether(async (resources) => {
      onProgress('starting');
      const starting = startGenerator(context, onProgress);
      const generator = starting.then((started) => {
        resources.add('load generator', started.close);
        return started;
      });
      // Its failure is reported to whoever awaits it; until then it must not count as unhandled.
      generator.catch(() => undefined);
      const { arms, absent } = await openArms(block, context, machine, generator, resources);
      const measured = await loadArms(arms, await generator, block, load, context, resources, onProgress);
      const outcome = assemble(block, measured, absent);
      // A failed cleanup must not lose what was measured.
      const unclosed = await resources.close().then(() => undefined, messageOf);
      if (unclosed === undefined) return outcome;
      const failure = `block ${block.block}: measured, but not cleaned up: ${unclosed}`;
      return { ...outcome, failures: [...outcome.failures, failure] };
    });
  } catch (error) {
    // Further blocks would measure one thing under the name of another too.
    if (isEchoError(error)) throw error;
    return withoutFigures(block, context, machine, error);
  }
}

async function loadArms(
  arms: readonly Arm[],
  generator: Generator,
  block: Block,
  load: BlockLoad,
  context: RunContext,
  resources: Resources,
  onProgress: (text: string) => void,
): Promise<MeasuredTrial[]> {
  if (arms.length === 0) return [];
  const { config, signal } = context;
  const random = seededRandom(config.seed + block.block);
  const model = loadModel(config, block, load);
  const release = new AbortController();
  const run = { arms, generator, config, random, load: model, released: release.signal };
  resources.add('watch on the signal', () => release.abort());
  const deaths = arms.map((arm) =>
    arm.environment.died.then((error) => {
      throw new ArmDied(arm, error);
    }),
  );
  const { fault } = block.group;
  const work = async () => {
    const { measured, sliceSeconds } =
      fault === undefined
        ? await measureArms(run, await warmUp(run, onProgress), onProgress)
        : { measured: await measureFailure(run, fault, onProgress), sliceSeconds: 0 };
    const { pinning } = context;
    const cores = pinning === undefined ? availableParallelism() : parseCpuList(pinning.server).length;
    return rowsOfBlock(measured, load, model, sliceSeconds, cores);
  };
  const stopped = Promise.race([rejectOnAbort(signal, release.signal), ...deaths]);
  return Promise.race([stopped, work().catch((error) => causeOf(error, stopped))]);
}

function loadModel(config: Config, block: Block, { ratePerSecond }: BlockLoad): LoadModel {
  if (block.group.scenario === 'revocation') return { model: 'revocation' };
  if (block.group.fault !== undefined) return { model: 'failure', ratePerSecond: failureRate(config.rate) };
  if (config.engine === 'autocannon') return { model: 'autocannon' };
  if (ratePerSecond === undefined) return { model: 'closed' };
  return { model: 'open', ratePerSecond, arrivals: config.arrivals };
}

/** Rejects with the death of a process where there is one: what fails because of it may be noticed before it. */
function causeOf(error: unknown, death: Promise<never>): Promise<never> {
  const none = new Promise<never>((_, reject) => setTimeout(() => reject(error as Error), DEATH_NOTICED_MS));
  return Promise.race([death, none]);
}

/** Rejects with the signal's reason when it is aborted: no step of a block outlives a Ctrl-C. */
function rejectOnAbort(signal: AbortSignal, release: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true, signal: release });
  });
}

function assemble(
  block: Block,
  measured: readonly MeasuredTrial[],
  absent: readonly AbsentArm[],
): BlockOutcome {
  const outcomes: TrialOutcome[] = [
    ...measured.map(({ arm, ...figures }) => {
      const service = describeService(arm.environment);
      return { trial: arm.trial, ...figures, ...(service === undefined ? {} : { service }) };
    }),
    ...absent.map(({ trial, rows }) => ({ trial, rows, histograms: {} })),
  ];
  const place = ({ trial }: TrialOutcome) => block.trials.indexOf(trial);
  return {
    trials: outcomes.sort((a, b) => place(a) - place(b)),
    failures: absent.flatMap(({ trial, failure }) =>
      failure === undefined ? [] : `${titleOf(trial)}: ${failure}`,
    ),
  };
}

/** Rows of a block without figures: the arm that died failed, and the others are dropped with it. */
function withoutFigures(
  block: Block,
  context: RunContext,
  machine: MachineCells,
  error: unknown,
): BlockOutcome {
  const { signal } = context;
  const dead = error instanceof ArmDied ? error.arm.trial : undefined;
  const reason = messageOf(signal.aborted ? signal.reason : error);
  const trials = block.trials.map((trial): TrialOutcome => {
    const base = baseRow(trial, context, machine);
    const status = !signal.aborted && (dead === undefined || dead === trial) ? 'failed' : 'interrupted';
    const why = dead === undefined || dead === trial ? reason : `block dropped: ${dead.store}: ${reason}`;
    return { trial, rows: [rowWithout(base, status, why)], histograms: {} };
  });
  if (signal.aborted) return { trials, failures: [] };
  const [first] = block.trials;
  const what = dead ?? (block.trials.length === 1 ? first : undefined);
  return { trials, failures: [`${what === undefined ? `block ${block.block}` : titleOf(what)}: ${reason}`] };
}
