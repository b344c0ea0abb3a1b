import { type StartedProcess, startProcess } from '../environment/processes/process.ts';
import type { ProbeJob } from './job.ts';
import { type ProbeContext, probeIn } from './probe.ts';

/** The server that does as little as can be: what a generator reaches against it is the generator's own. */

const START_TIMEOUT_MS = 10_000;
/** How far above the asked rate the null server is loaded: chance in the count must not hide that the rate is reached. */
const HEADROOM = 1.15;
/** Until the compiler has seen the hot path. */
const WARMUP_SECONDS = 1;

/** Starts the null server; its answer's `port` is where it listens, on 127.0.0.1. @throws BenchError SERVER_FAILED */
export function startNullServer({ guard, programs, signal }: ProbeContext): Promise<StartedProcess> {
  return startProcess({
    name: 'null server',
    command: process.execPath,
    args: [programs.nullServer],
    ready: 'ipc',
    timeoutMs: START_TIMEOUT_MS,
    guard,
    signal,
    failure: { code: 'SERVER_FAILED', remedy: 'Look for the cause in that output, then run again.' },
  });
}

/** What to ask of the null server. */
export interface NullServerLoad {
  /** The rate that is to be shown reachable, per second. */
  ratePerSecond: number;
  connections: number;
  durationSeconds: number;
}

/**
 * The rate that the generator sends and gets answered on its own, per second, when it is asked for 15 % more than
 * `ratePerSecond`: the figure is at least that rate, or the generator cannot reach it here. `undefined` when aborted.
 * @throws BenchError SERVER_FAILED, GENERATOR_FAILED
 */
export async function nullServerRate(
  context: ProbeContext,
  { ratePerSecond, connections, durationSeconds }: NullServerLoad,
): Promise<number | undefined> {
  const server = await startNullServer(context);
  try {
    const job: ProbeJob = {
      origin: `http://127.0.0.1:${server.port}`,
      path: '/',
      headers: {},
      connections,
      warmupSeconds: WARMUP_SECONDS,
      durationSeconds,
      load: { model: 'open', ratePerSecond: ratePerSecond * HEADROOM, arrivals: 'constant' },
      seed: 1,
    };
    const result = await probeIn(context, job);
    const [all] = result?.load.operations ?? [];
    return result === undefined || all === undefined ? undefined : all.ok / result.load.durationSeconds;
  } finally {
    await server.stop();
  }
}
