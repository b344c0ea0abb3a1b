import { BenchError } from '../errors.ts';
import {
  type FromGenerator,
  type LoadJob,
  type LoadModel,
  type LoadResult,
  leastPerSecond,
  type SliceResult,
  type ToGenerator,
} from '../load/job.ts';
import type { RunContext } from './context.ts';
import { startProgram } from './processes/process.ts';
import type { Programs } from './programs.ts';

/** In addition to the time of a step: a generator that is silent for longer hangs. */
const GRACE_SECONDS = 30;

/**
 * The load generator's process, which serves all arms of a block, one step at a time. Each step throws BenchError
 * GENERATOR_FAILED when it fails or hangs.
 */
export interface Generator {
  pid: number;
  /** Creates the arm's sessions. `unsupported` with a reason when the backend cannot hold such sessions. */
  prepare(arm: number, job: LoadJob): Promise<{ sessionsLive: number } | { unsupported: string }>;
  /** Untimed: removes the sessions that the arm's last slice created, and creates those that the next one consumes. */
  replenish(arm: number, seconds: number): Promise<void>;
  /** Untimed: makes the arm's sessions that are left to expire. */
  fill(arm: number): Promise<void>;
  /** @param onBegan called when the load begins, in the scenario failure. */
  slice(arm: number, seconds: number, load: LoadModel, onBegan?: () => void): Promise<SliceResult>;
  /** The sum of the arm's slices since the last call. */
  collect(arm: number): Promise<LoadResult>;
  close(): Promise<void>;
}

/** Starts the generator; `onProgress` receives the progress of the preparation. */
export async function startGenerator(
  context: Pick<RunContext, 'guard' | 'signal' | 'pinning'> & { programs: Pick<Programs, 'generator'> },
  onProgress: (text: string) => void,
): Promise<Generator> {
  const { guard, signal, pinning, programs } = context;
  const options = { name: 'load generator', guard, signal, cpus: pinning?.generator };
  const process_ = await startProgram(programs.generator, 'GENERATOR_FAILED', options);
  const { child } = process_;
  let onLost: (() => void) | undefined;
  process_.onUnexpectedExit(() => onLost?.());

  function step<T extends FromGenerator['type']>(
    message: ToGenerator,
    answers: readonly T[],
    seconds: number,
    onBegan: () => void = () => undefined,
  ): Promise<Extract<FromGenerator, { type: T }>> {
    return new Promise((resolve, reject) => {
      const limitMs = (seconds + GRACE_SECONDS) * 1000;
      const timer = setTimeout(
        () => done(failed(`${message.type} within ${limitMs / 1000} s`, 'no reply')),
        limitMs,
      );
      const onMessage = (answer: FromGenerator) => {
        if (answer.type === 'progress') onProgress(answer.text);
        else if (answer.type === 'began') onBegan();
        else if (answer.type === 'failed') done(failed(`${message.type} to succeed`, answer.message));
        else if ((answers as readonly string[]).includes(answer.type)) done(undefined, answer);
      };
      const onAbort = () => done(signal.reason as Error);
      function done(error: Error | undefined, answer?: FromGenerator): void {
        clearTimeout(timer);
        child.off('message', onMessage);
        signal.removeEventListener('abort', onAbort);
        if (error === undefined) resolve(answer as Extract<FromGenerator, { type: T }>);
        else reject(error);
      }
      child.on('message', onMessage);
      signal.addEventListener('abort', onAbort, { once: true });
      onLost = () => done(failed('the load generator to keep running', process_.outputTail()));
      if (signal.aborted) onAbort();
      else child.send(message);
    });
  }

  /** The longest that a step may take to create sessions, by arm. */
  const logins = new Map<number, number>();
  const loginSeconds = (arm: number) => logins.get(arm) ?? 0;

  return {
    pid: process_.pid,
    async prepare(arm, job) {
      const { sessions = 0, churned = 0 } = job.expiring ?? {};
      logins.set(arm, ((job.sessions + sessions + 2 * churned) * 2) / leastPerSecond(job));
      const answer = await step(
        { type: 'prepare', arm, job },
        ['prepared', 'unsupported'],
        loginSeconds(arm),
      );
      return answer.type === 'unsupported'
        ? { unsupported: answer.reason }
        : { sessionsLive: answer.sessionsLive };
    },
    async replenish(arm, seconds) {
      await step({ type: 'replenish', arm, seconds }, ['replenished'], loginSeconds(arm));
    },
    async fill(arm) {
      await step({ type: 'fill', arm }, ['filled'], loginSeconds(arm));
    },
    async slice(arm, seconds, load, onBegan) {
      return (await step({ type: 'slice', arm, seconds, load }, ['sliced'], seconds, onBegan)).slice;
    },
    async collect(arm) {
      return (await step({ type: 'collect', arm }, ['collected'], 0)).result;
    },
    async close() {
      await process_.stop();
      // An abandoned step would keep its timer, and with it the harness, alive.
      onLost?.();
    },
  };
}

function failed(expected: string, got: string): BenchError {
  return new BenchError({
    code: 'GENERATOR_FAILED',
    expected,
    got: got.slice(0, 500),
    remedy: 'Read the output of the servers and the service above, and run again with --verbose.',
  });
}
