import { purgeNamespace } from '../../stores/purge.ts';
import { findStore } from '../../stores/registry.ts';
import { BenchError } from '../errors.ts';
import type { Trial } from '../plan.ts';
import { startBalancer } from './balancer.ts';
import type { RunContext } from './context.ts';
import type { StartedProcess } from './process.ts';
import { openTogether } from './resources.ts';
import { askRoundTrips, namespaceOf, serverConfig, startServer } from './server.ts';
import type { StartedService } from './services/service.ts';
import { startService } from './services/start.ts';

/** Service, servers and balancer of one trial, all running. */
export interface Environment {
  /** Base URLs to load: the balancer's, or the servers' when there is none. */
  targets: readonly string[];
  servers: readonly string[];
  service: StartedService | undefined;
  /** Root pids by role; an empty list where no such process is ours to see. */
  pids(): Promise<Record<'server' | 'balancer' | 'store', number[]>>;
  /** Round trips to the service by all servers since their start; `undefined` without a service. */
  roundTrips(): Promise<number | undefined>;
  /** Resolves with what ended of itself, if anything does. */
  died: Promise<BenchError>;
  close(): Promise<void>;
}

/** Connections beyond the pools: administration, and one for each server's own needs. */
const SPARE_CONNECTIONS = 20;

/** Starts everything that a trial needs. When a part fails, what was started before it is closed. */
export function openEnvironment(trial: Trial, context: RunContext): Promise<Environment> {
  return openTogether(async (resources) => {
    const { guard, signal } = context;
    const directory = guard.createDirectory('trial');
    resources.add('directory', directory.remove);

    const service = await startServiceFor(trial, context, directory.path);
    if (service !== undefined) resources.add(service.name, service.stop);
    if (service?.tier === 'url') {
      const purge = () => purgeNamespace(service.name, service.url, namespaceOf(trial, context.runId));
      resources.add(`sessions on ${service.name}`, purge);
    }

    const starting = Array.from({ length: trial.servers }, (_, index) =>
      startServer(serverConfig(trial, context, `s${index + 1}`, service), context),
    );
    resources.add('servers', async () => {
      const settled = await Promise.allSettled(starting);
      await Promise.all(
        settled.map((start) => (start.status === 'fulfilled' ? start.value.stop() : undefined)),
      );
    });
    const serviceDied = service === undefined ? [] : [service.died.then(rethrow)];
    // A store that dies now is the store's fault, not that of the servers that cannot reach it.
    const servers = await Promise.race([Promise.all(starting), ...serviceDied]);
    const urls = servers.map((server) => `http://127.0.0.1:${server.port}`);

    const { chosenBalancer: chosen } = context;
    const upstreams = servers.map((server, index) => {
      return { id: `s${index + 1}`, host: '127.0.0.1', port: server.port as number };
    });
    const balancer =
      chosen &&
      (await startBalancer({
        chosen,
        upstreams,
        affinity: trial.affinity,
        directory: directory.path,
        guard,
        signal,
      }));
    if (balancer !== undefined) resources.add('balancer', balancer.stop);

    const own = balancer === undefined ? servers : [...servers, balancer];
    const died = Promise.race([...(service === undefined ? [] : [service.died]), ...own.map(unexpectedEnd)]);
    return {
      targets: balancer === undefined ? urls : [`http://127.0.0.1:${balancer.port}`],
      servers: urls,
      service,
      died,
      async pids() {
        return {
          server: servers.map((server) => server.pid),
          balancer: balancer === undefined ? [] : [balancer.pid],
          store: (await service?.pids()) ?? [],
        };
      },
      async roundTrips() {
        if (service === undefined) return undefined;
        const counts = await Promise.all(servers.map(askRoundTrips));
        return counts.reduce((sum, count) => sum + count, 0);
      },
      close: resources.close,
    };
  });
}

function rethrow(error: BenchError): never {
  throw error;
}

function unexpectedEnd(process: StartedProcess): Promise<BenchError> {
  return new Promise((resolve) => process.onUnexpectedExit(() => resolve(endedError(process))));
}

function endedError(process: StartedProcess): BenchError {
  return new BenchError({
    code: 'SERVER_FAILED',
    expected: `${process.name} to run until the end`,
    got: `its end, after the output "${process.outputTail().slice(-500)}"`,
    remedy: 'Look for the cause in that output, then run again.',
  });
}

function startServiceFor(
  trial: Trial,
  context: RunContext,
  directory: string,
): Promise<StartedService | undefined> {
  const { config, guard, signal } = context;
  const name = findStore(trial.store)?.service(trial.options);
  if (name === undefined) return Promise.resolve(undefined);
  const url = name === 'redis' ? config.redisUrl : config.postgresUrl;
  return startService(name, {
    tier: config.tier,
    ...(url === undefined ? {} : { url }),
    durability: config.durability,
    directory,
    maxConnections: trial.servers * config.poolSize + SPARE_CONNECTIONS,
    guard,
    signal,
  });
}
