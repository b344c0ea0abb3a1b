import type { BenchError } from '../errors.ts';
import type { Trial } from '../run/plan.ts';
import type { RunContext } from './context.ts';
import type { StartedProcess } from './processes/process.ts';
import type { Resources } from './processes/resources.ts';
import { serverConfig, startServer } from './server.ts';
import { openServerSet, type ServerSet } from './server-set.ts';
import type { StartedService } from './services/service.ts';

/** The servers of a trial. */
export interface TrialServers {
  /** Those that requests go to. */
  front: ServerSet;
  /** Those that the ones in front ask; none without `--inner`. */
  inner: readonly StartedProcess[];
}

export const urlOf = (port: number): string => `http://127.0.0.1:${port}`;

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
  const serving = servingContext(trial, context);
  const open = (
    name: string,
    count: number,
    change: Partial<ReturnType<typeof serverConfig>>,
    spares = 0,
  ): Promise<ServerSet> => {
    const launch = (index: number, port: number) => {
      const config = serverConfig(trial, context, `${name}${index + 1}`, service);
      return startServer({ ...config, ...change, port }, serving, trial.side);
    };
    return Promise.race([openServerSet(count, launch, resources, spares), ...failing]);
  };
  // The control's have nothing to check: asking is all that they cost.
  const { innerServers = 0 } = trial;
  const spares = trial.fault === 'add-server' ? 1 : 0;
  if (innerServers === 0) return { front: await open('s', trial.servers, {}, spares), inner: [] };
  const check = trial.inner ?? 'ask';
  const inner = await open('i', innerServers, { inner: { check } });
  const urls = inner.ports.map(urlOf);
  return {
    front: await open('s', trial.servers, { inner: { check, urls } }, spares),
    inner: inner.processes,
  };
}

/** The context with the server program for the trial's side. */
function servingContext(trial: Trial, context: RunContext): RunContext {
  if (trial.side !== 'base' || context.baselineServer === undefined) return context;
  return { ...context, programs: { ...context.programs, server: context.baselineServer } };
}
