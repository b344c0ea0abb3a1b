import { BenchError } from '../errors.ts';
import type { FromGenerator, LoadJob, LoadResult, ToGenerator } from '../load/job.ts';
import type { RunContext } from './context.ts';
import { startProcess } from './process.ts';

const START_TIMEOUT_MS = 10_000;
/** Beyond what a step takes by itself: a generator that is silent for longer hangs. */
const GRACE_SECONDS = 30;
/** Slowest rate of logins that is still believed to be progress, per second. */
const LEAST_LOGINS_PER_SECOND = 50;

/** The load generator's process, step by step. Each step throws BenchError GENERATOR_FAILED when it fails or hangs. */
export interface Generator {
  pid: number;
  /** Makes the population. `unsupported` with its reason when the backend cannot hold such sessions. */
  prepare(job: LoadJob): Promise<{ sessionsLive: number } | { unsupported: string }>;
  warm(seconds: number): Promise<void>;
  measure(seconds: number): Promise<LoadResult>;
  close(): Promise<void>;
}

/** Starts the generator; `onProgress` is told how far the preparation is. */
export async function startGenerator(
  context: RunContext,
  onProgress: (text: string) => void,
): Promise<Generator> {
  const process_ = await startProcess({
    name: 'load generator',
    command: process.execPath,
    args: [context.programs.generator],
    ready: 'ipc',
    timeoutMs: START_TIMEOUT_MS,
    guard: context.guard,
    signal: context.signal,
    failure: { code: 'GENERATOR_FAILED', remedy: 'Look for the cause in that output, then run again.' },
  });
  const { child } = process_;
  let onLost: (() => void) | undefined;
  process_.onUnexpectedExit(() => onLost?.());

  function step<T extends FromGenerator['type']>(
    message: ToGenerator,
    answers: readonly T[],
    seconds: number,
  ): Promise<Extract<FromGenerator, { type: T }>> {
    return new Promise((resolve, reject) => {
      const limitMs = (seconds + GRACE_SECONDS) * 1000;
      const timer = setTimeout(
        () => done(failed(`${message.type} within ${limitMs / 1000} s`, 'no answer')),
        limitMs,
      );
      const onMessage = (answer: FromGenerator) => {
        if (answer.type === 'progress') onProgress(answer.text);
        else if (answer.type === 'failed') done(failed(`${message.type} to succeed`, answer.message));
        else if ((answers as readonly string[]).includes(answer.type)) done(undefined, answer);
      };
      const onAbort = () => done(context.signal.reason as Error);
      function done(error: Error | undefined, answer?: FromGenerator): void {
        clearTimeout(timer);
        child.off('message', onMessage);
        context.signal.removeEventListener('abort', onAbort);
        if (error === undefined) resolve(answer as Extract<FromGenerator, { type: T }>);
        else reject(error);
      }
      child.on('message', onMessage);
      context.signal.addEventListener('abort', onAbort, { once: true });
      onLost = () => done(failed('the load generator to live', process_.outputTail()));
      if (context.signal.aborted) onAbort();
      else child.send(message);
    });
  }

  return {
    pid: process_.pid,
    async prepare(job) {
      const seconds = (job.sessions * 2) / LEAST_LOGINS_PER_SECOND;
      const answer = await step({ type: 'prepare', job }, ['prepared', 'unsupported'], seconds);
      return answer.type === 'unsupported'
        ? { unsupported: answer.reason }
        : { sessionsLive: answer.sessionsLive };
    },
    warm: async (seconds) => void (await step({ type: 'warm', seconds }, ['warmed'], seconds)),
    measure: async (seconds) => (await step({ type: 'measure', seconds }, ['measured'], seconds)).result,
    async close() {
      await process_.stop();
      // A step that nobody waits for any more would keep its timer, and with it the harness.
      onLost?.();
    },
  };
}

function failed(expected: string, got: string): BenchError {
  return new BenchError({
    code: 'GENERATOR_FAILED',
    expected,
    got: got.slice(0, 500),
    remedy: 'See what the servers and the service said above, and run again with --verbose.',
  });
}
