import { type StartedProcess, startProgram } from '../environment/processes/process.ts';
import type { ProbeJob } from './job.ts';
import { type ProbeContext, probeIn } from './probe.ts';

/** A minimal server: the rate that a generator reaches against it is the generator's own limit. */

/** The null server is loaded this much above the rate: chance in the count must not hide that the rate is reached. */
const HEADROOM = 1.15;
/** Until the hot path is compiled. */
const WARMUP_SECONDS = 1;

/** Starts the null server on 127.0.0.1; `port` of the result is its port. @throws BenchError SERVER_FAILED */
export function startNullServer({ guard, programs, signal }: ProbeContext): Promise<StartedProcess> {
  return startProgram(programs.nullServer, 'SERVER_FAILED', { name: 'null server', guard, signal });
}

/** The load for the null server. */
export interface NullServerLoad {
  /** The rate that must be reachable, per second. */
  ratePerSecond: number;
  connections: number;
  durationSeconds: number;
}

/**
 * The rate of replies that the generator reaches on its own, per second, when it is to send 15 % more than
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
      method: 'GET',
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
