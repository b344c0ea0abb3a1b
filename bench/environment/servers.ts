import type { BenchError } from '../errors.ts';
import type { Trial } from '../run/plan.ts';
import type { RunContext } from './context.ts';
import type { StartedProcess } from './processes/process.ts';
import type { Resources } from './processes/resources.ts';
import { serverConfig, startServer } from './server.ts';
import type { StartedService } from './services/service.ts';

/** The servers of a trial. */
export interface TrialServers {
  /** Those that requests go to. */
  front: StartedProcess[];
  /** Those that the ones in front ask; none without `--inner`. */
  inner: StartedProcess[];
}

export const urlOf = ({ port }: StartedProcess): string => `http://127.0.0.1:${port}`;

/**
 * Starts the servers of a trial, and registers their ends.
 * @param service as the servers reach it.
 * @param deaths of what they need: a store that dies now must be reported as such, not as servers that cannot reach it.
 * @throws BenchError SERVER_FAILED, ARM_DIFFERS, and the first of these deaths.
 */
export async function startServers(
  trial: Trial,
  context: RunContext,
  service: Pick<StartedService, 'url'> | undefined,
  deaths: readonly Promise<BenchError>[],
  resources: Resources,
): Promise<TrialServers> {
  const failing = deaths.map((died) =>
    died.then((error) => {
      throw error;
    }),
  );
  const start = (name: string, count: number, change: Partial<ReturnType<typeof serverConfig>>) => {
    const starting = Array.from({ length: count }, (_, index) => {
      const config = serverConfig(trial, context, `${name}${index + 1}`, service);
      return startServer({ ...config, ...change }, servingContext(trial, context), trial.side);
    });
    resources.add('servers', async () => {
      const settled = await Promise.allSettled(starting);
      await Promise.all(
        settled.map((started) => (started.status === 'fulfilled' ? started.value.stop() : undefined)),
      );
    });
    return Promise.race([Promise.all(starting), ...failing]);
  };
  // The control's have nothing to check: asking is all that they cost.
  const { innerServers = 0 } = trial;
  if (innerServers === 0) return { front: await start('s', trial.servers, {}), inner: [] };
  const check = trial.inner ?? 'ask';
  const inner = await start('i', innerServers, { inner: { check } });
  const front = await start('s', trial.servers, { inner: { check, urls: inner.map(urlOf) } });
  return { front, inner };
}

/** The context with the server program for the trial's side. */
function servingContext(trial: Trial, context: RunContext): RunContext {
  if (trial.side !== 'base' || context.baselineServer === undefined) return context;
  return { ...context, programs: { ...context.programs, server: context.baselineServer } };
}
