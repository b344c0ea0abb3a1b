import { remedyOf } from '../conformance/unreachable.ts';
import type { RunContext } from '../environment/context.ts';
import { openGuard } from '../environment/processes/guard.ts';
import { type StartedProcess, startProgram } from '../environment/processes/process.ts';
import { openTogether } from '../environment/processes/resources.ts';
import { buildPrograms } from '../environment/programs.ts';
import { BenchError, messageOf } from '../errors.ts';
import { openEvent, openSocket } from '../load/wire.ts';
import type { FromProbe, ProbeJob, ProbePhase, ProbeResult, ProbeSecond, ToProbe } from './job.ts';

/** The part of a run's context that a probe needs. */
export type ProbeContext = Pick<RunContext, 'guard' | 'programs' | 'signal'>;

/** Who watches a probe. */
export interface ProbeWatch {
  onPhase?: (phase: ProbePhase) => void;
  /** Called for each second of the measured load; counts and times are then kept for it. */
  onSecond?: (second: ProbeSecond) => void;
}

const CONNECT_TIMEOUT_MS = 5_000;
/**
 * In addition to the load itself: draining takes up to the timeout of a request, after the warm-up and again at the
 * end.
 */
const GRACE_SECONDS = 40;
/** Time that a stopped generator has to send its results. */
const STOP_TIMEOUT_MS = 3_000;

/**
 * One complete probe, with its own guard. An aborted signal ends it early: the result is then partial, or `undefined`
 * before the measured load. Nothing is left running.
 * @param targets the parts of a list; none for the job's own request.
 * @throws BenchError SERVICE_UNREACHABLE when connections are not accepted there, GENERATOR_FAILED.
 */
export function probe(
  job: ProbeJob,
  signal: AbortSignal,
  watch: ProbeWatch,
  targets: readonly string[] = [],
): Promise<ProbeResult | undefined> {
  return openTogether(async (resources) => {
    await expectServer(job, signal);
    const programs = await buildPrograms();
    const guard = await openGuard();
    resources.add('guard', guard.close);
    const result = await probeIn({ programs, guard, signal }, job, watch, targets);
    await resources.close();
    return result;
  });
}

/**
 * The same within a run, with its guard. @throws BenchError GENERATOR_FAILED; the signal's reason when aborted at the
 * start.
 */
export async function probeIn(
  context: ProbeContext,
  job: ProbeJob,
  watch: ProbeWatch = {},
  targets: readonly string[] = [],
): Promise<ProbeResult | undefined> {
  const { guard, signal, programs } = context;
  const options = { name: 'load generator', guard, signal };
  const generator = await startProgram(programs.probe, 'GENERATOR_FAILED', options);
  try {
    for (const lines of targets) await tell(generator, { type: 'targets', lines });
    return await resultOf(generator, job, signal, watch);
  } finally {
    await generator.stop();
  }
}

/** Resolves when it has been passed on, so that a long list does not pile up. */
function tell({ child }: StartedProcess, message: ToProbe): Promise<void> {
  return new Promise((resolve, reject) => {
    child.send(message, (error) => {
      if (error === null) resolve();
      else reject(failed('the load generator to take a list', error.message));
    });
  });
}

function resultOf(
  generator: StartedProcess,
  job: ProbeJob,
  signal: AbortSignal,
  { onPhase, onSecond }: ProbeWatch,
): Promise<ProbeResult | undefined> {
  const { child } = generator;
  const tellNow = (message: ToProbe) => void child.send(message);
  return new Promise((resolve, reject) => {
    const limitSeconds = job.warmupSeconds + job.durationSeconds + GRACE_SECONDS;
    let timer = setTimeout(() => fail('a reply of the load generator', 'none'), limitSeconds * 1000);
    const onMessage = (message: FromProbe) => {
      if (message.type === 'phase') onPhase?.(message.phase);
      else if (message.type === 'second') onSecond?.(message.second);
      else if (message.type === 'probed') settle(() => resolve(message.result));
      else if (message.type === 'failed') fail('the load generator to succeed', message.message);
    };
    const onAbort = () => {
      tellNow({ type: 'stop' });
      clearTimeout(timer);
      timer = setTimeout(() => fail('the load generator to stop', 'no reply'), STOP_TIMEOUT_MS);
    };
    const fail = (expected: string, got: string) => settle(() => reject(failed(expected, got)));
    function settle(answer: () => void): void {
      clearTimeout(timer);
      child.off('message', onMessage);
      signal.removeEventListener('abort', onAbort);
      answer();
    }
    child.on('message', onMessage);
    generator.onUnexpectedExit(() => fail('the load generator to keep running', generator.outputTail()));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) settle(() => resolve(undefined));
    else tellNow({ type: 'probe', job, reports: onSecond !== undefined });
  });
}

/** @throws BenchError SERVICE_UNREACHABLE when no connection is made in time; the signal's reason when aborted. */
async function expectServer({ origin, wire = {} }: ProbeJob, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const url = new URL(origin);
  const socket = openSocket(url, wire, { timeout: CONNECT_TIMEOUT_MS });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once(openEvent(url), () => resolve()).once('error', reject);
      socket.once('timeout', () => reject(new Error(`no connection in ${CONNECT_TIMEOUT_MS / 1000} s`)));
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new BenchError({
      code: 'SERVICE_UNREACHABLE',
      expected: `a server that accepts connections at ${origin}`,
      got: messageOf(cause),
      remedy: remedyOf(cause, 'the URL') ?? 'Start it, or correct the URL.',
      cause,
    });
  } finally {
    socket.destroy();
  }
}

function failed(expected: string, got: string): BenchError {
  return new BenchError({
    code: 'GENERATOR_FAILED',
    expected,
    got: got.slice(0, 500),
    remedy: 'Run again with --verbose; if it persists, report it.',
  });
}
