import type { Guard } from '../environment/processes/guard.ts';
import { startProgram } from '../environment/processes/process.ts';
import { bundle, PROJECT_ROOT } from '../environment/programs.ts';
import { BenchError } from '../errors.ts';
import type { FromLoad, ToLoad, WorkerJob, WorkerResult, WorkerSecond } from './job.ts';

/** A worker's load generator, a process of its own: a full processor does not keep the worker from replying. */
export interface LoadProcess {
  /** Begins the load. Everything after that is told to the listener. */
  start(): void;
  /** Ends it early; the result follows. */
  stop(): void;
  close(): Promise<void>;
}

export interface LoadListener {
  onStep(text: string): void;
  onMeasuring(): void;
  onSecond(second: WorkerSecond): void;
  /** Without a result it was stopped before the measured load. */
  onResult(result: WorkerResult | undefined): void;
  onFailed(error: BenchError): void;
}

const ENTRY = 'bench/workers/load-main.ts';

/** Starts it; resolves when its sessions are there. @throws BenchError GENERATOR_FAILED; the signal's reason. */
export async function startLoad(
  work: WorkerJob,
  { guard, signal }: { guard: Guard; signal: AbortSignal },
  listener: LoadListener,
): Promise<LoadProcess> {
  const { worker: program = '' } = await bundle(PROJECT_ROOT, { worker: ENTRY });
  const started = await startProgram(program, 'GENERATOR_FAILED', { name: 'load generator', guard, signal });
  const { child } = started;
  const send = (message: ToLoad) => void child.send(message);
  try {
    await new Promise<void>((resolve, reject) => {
      const onFailed = (got: string) => reject(failed(got));
      child.on('message', (message: FromLoad) => {
        if (message.type === 'prepared') resolve();
        else if (message.type === 'progress') listener.onStep(message.text);
        else if (message.type === 'measuring') listener.onMeasuring();
        else if (message.type === 'second') listener.onSecond(message.second);
        else if (message.type === 'loaded') listener.onResult(message.result);
        else if (message.type === 'failed') {
          onFailed(message.message);
          listener.onFailed(failed(message.message));
        }
      });
      started.onUnexpectedExit(() => {
        onFailed(started.outputTail());
        listener.onFailed(failed(started.outputTail()));
      });
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      send({ type: 'prepare', work });
    });
  } catch (error) {
    await started.stop();
    throw error;
  }
  return {
    start: () => send({ type: 'start' }),
    stop: () => send({ type: 'stop' }),
    close: started.stop,
  };
}

function failed(got: string): BenchError {
  return new BenchError({
    code: 'GENERATOR_FAILED',
    expected: 'the load generator to do its work',
    got: got.slice(0, 500),
    remedy: 'Find the cause in that text, then start all again.',
  });
}
