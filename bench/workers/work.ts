import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { checkPackages } from '../environment/comparator-packages.ts';
import { openGuard } from '../environment/processes/guard.ts';
import { openTogether, type Resources } from '../environment/processes/resources.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { BenchError, messageOf } from '../errors.ts';
import { withResolvers } from '../load/running-loop.ts';
import { type Channel, dial } from './channel.ts';
import type { WorkerConfig } from './config.ts';
import { type FromWorker, type ToWorker, type WorkerJob, wallMs } from './job.ts';
import { type LoadProcess, startLoad } from './load-process.ts';
import type { LocustModule } from './locust-messages.ts';
import { joinLocust, type LocustWorker } from './locust-worker.ts';
import { VERSION } from './version.ts';

/** The folder of what speaks to Locust, with a package.json and a lock file of its own; relative to the project. */
export const LOCUST_FOLDER = 'bench/workers/locust';

/** How long a worker that comes first waits for the collector. */
const DIAL_MS = 60_000;
const DIAL_EVERY_MS = 500;
/** The collector asks each second. */
const SILENCE_MS = 5_000;

type ToCollector = Channel<ToWorker, FromWorker>;

/**
 * Is a worker until the collector ends it: makes its sessions, joins Locust, loads when Locust starts, and sends the
 * collector what it measured. Nothing is left running.
 * @param say gets what it does, for people.
 * @throws BenchError PACKAGES_MISSING; SERVICE_UNREACHABLE when collector or master cannot be reached or are lost;
 * SERVICE_REFUSED when the collector does not want it; CONFLICT when Locust starts other users; GENERATOR_FAILED.
 */
export function work(config: WorkerConfig, signal: AbortSignal, say: (text: string) => void): Promise<void> {
  return openTogether(async (resources) => {
    const locust = await loadLocust();
    const channel = await dialPatiently(config, signal);
    resources.add('channel', channel.close);
    try {
      await serve(config, channel, { locust, resources, signal, say });
    } catch (error) {
      channel.send({ type: 'failed', message: messageOf(error) });
      throw error;
    }
    await resources.close();
  });
}

interface Means {
  locust: LocustModule;
  resources: Resources;
  signal: AbortSignal;
  say: (text: string) => void;
}

/** Resolves when the collector has ended it. */
async function serve(config: WorkerConfig, channel: ToCollector, means: Means): Promise<void> {
  const { signal, say } = means;
  const { promise: over, resolve: end } = withResolvers<Error | undefined>();
  const ending = new AbortController();
  let starting: Promise<void> | undefined;
  let load: LoadProcess | undefined;
  let heardMs = performance.now();
  const step = (text: string) => {
    say(text);
    channel.send({ type: 'step', text });
  };
  channel.onLost = (why) => end(collectorLost(config, why));
  channel.onMessage = (message) => {
    heardMs = performance.now();
    if (message.type === 'clock') channel.send({ type: 'clock', id: message.id, nowMs: wallMs() });
    else if (message.type === 'end')
      end(message.reason === undefined ? undefined : refused(config, message.reason));
    else if (message.type === 'stop') {
      if (load === undefined) channel.send({ type: 'result' });
      else load.stop();
    } else if (message.type === 'job') {
      const until = AbortSignal.any([signal, ending.signal]);
      starting = begin(message.work, config, channel, { ...means, signal: until }, step, end).then(
        (started) => {
          load = started;
        },
        end,
      );
    }
  };
  const watching = setInterval(() => {
    if (performance.now() - heardMs > SILENCE_MS)
      end(collectorLost(config, `no message in ${SILENCE_MS / 1000} s`));
  }, SILENCE_MS / 5);
  const onAbort = () => end(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    channel.send({ type: 'hello', name: hostname(), version: VERSION });
    const failure = await over;
    if (failure !== undefined) throw failure;
  } finally {
    clearInterval(watching);
    signal.removeEventListener('abort', onAbort);
    ending.abort(new Error('the worker has ended'));
    await starting;
  }
}

/** Makes the sessions and joins Locust, which says when the load begins. */
async function begin(
  job: WorkerJob,
  { master }: WorkerConfig,
  channel: ToCollector,
  { locust, resources, signal }: Means,
  step: (text: string) => void,
  fail: (error: Error) => void,
): Promise<LoadProcess> {
  const guard = await openGuard();
  resources.add('guard', guard.close);
  let worker: LocustWorker | undefined;
  const load = await startLoad(
    job,
    { guard, signal },
    {
      // Not said here: each half second, while users log in.
      onStep: (text) => channel.send({ type: 'step', text }),
      onMeasuring: () => channel.send({ type: 'measuring' }),
      onSecond(second) {
        worker?.count(second);
        channel.send({ type: 'second', ok: second.ok, wrong: second.wrong });
      },
      onResult: (result) => channel.send({ type: 'result', ...(result === undefined ? {} : { result }) }),
      onFailed: fail,
    },
  );
  resources.add('load generator', load.close);
  const { scenario, connections } = job.job;
  worker = joinLocust(
    locust,
    master,
    { name: scenario, users: connections },
    {
      onStep: step,
      onStart() {
        step(`under load: ${job.warmupSeconds} s of warm-up, ${job.durationSeconds} s measured`);
        load.start();
      },
      onStop: load.stop,
      onFailed: fail,
    },
  );
  resources.add('Locust', worker.close);
  return load;
}

/** @throws BenchError PACKAGES_MISSING, with the command that installs them. */
async function loadLocust(): Promise<LocustModule> {
  checkPackages(LOCUST_FOLDER, PROJECT_ROOT, 'PACKAGES_MISSING');
  return (await import(pathToFileURL(join(PROJECT_ROOT, LOCUST_FOLDER, 'client.ts')).href)) as LocustModule;
}

async function dialPatiently({ collect, token }: WorkerConfig, signal: AbortSignal): Promise<ToCollector> {
  for (const until = performance.now() + DIAL_MS; ; ) {
    try {
      return await dial(collect, token);
    } catch (error) {
      const isThere = error instanceof BenchError && error.code === 'SERVICE_REFUSED';
      if (isThere || performance.now() > until) throw error;
    }
    await setTimeout(DIAL_EVERY_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

function collectorLost({ collect: { host, port } }: WorkerConfig, got: string): BenchError {
  return new BenchError({
    code: 'SERVICE_UNREACHABLE',
    expected: `pnpm bench collect at ${host}:${port} until the end`,
    got,
    remedy: 'Read its output, then start all again.',
  });
}

function refused({ collect: { host, port } }: WorkerConfig, got: string): BenchError {
  return new BenchError({
    code: 'SERVICE_REFUSED',
    expected: `to be a worker of pnpm bench collect at ${host}:${port}`,
    got,
    remedy: 'Start as many workers as it has --workers, of the same version.',
  });
}
