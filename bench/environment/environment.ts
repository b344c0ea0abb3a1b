import { durabilityOf, findStore } from '../../stores/registry.ts';
import type { VerifyCacheStats } from '../../stores/store.ts';
import type { LoadedSite } from '../config/contract.ts';
import { breaksStore } from '../config/failure.ts';
import { BenchError } from '../errors.ts';
import type { Trial } from '../run/plan.ts';
import { startBalancer } from './balancer.ts';
import type { RunContext } from './context.ts';
import { type Distance, openDistance } from './distance/distance.ts';
import type { StartedProcess } from './processes/process.ts';
import { openTogether } from './processes/resources.ts';
import { askStats, namespaceOf, SERVER_FAILURE } from './server.ts';
import type { ServerSet } from './server-set.ts';
import { startServers, urlOf } from './servers.ts';
import { checkDurability } from './services/describe.ts';
import type { StartedService } from './services/service.ts';
import { startService } from './services/start.ts';
import { maxOf, sumOf } from './sums.ts';

/** Service, servers and balancer of one trial, all running. */
export interface Environment {
  /** Base URLs to load: the balancer's, or the servers' when there is none. */
  targets: readonly string[];
  /** Without inner services. */
  servers: readonly string[];
  service: StartedService | undefined;
  /** What `--store-distance` puts between servers and service; `undefined` without it, or without a service. */
  distance: Distance | undefined;
  /** To break its servers; `undefined` for an external site. */
  serverSet: ServerSet | undefined;
  /** Root pids by role; an empty list where the processes are not visible. */
  pids(): Promise<Record<'server' | 'balancer' | 'store' | 'storeRelay', number[]>>;
  /** Statistics of the servers. Costs each of them a message. */
  stats(): Promise<EnvironmentStats>;
  /**
   * Memory of the sessions in all servers, which it ends; `undefined` when a server of an older commit does not report
   * it. Only after the load, also because of its garbage collections: after one, a read on Redis was 6 % dearer.
   */
  weighSessions(): Promise<number | undefined>;
  /**
   * Sessions that the store holds, expired or not, and what it counts with them: only to be compared with another such
   * count. `undefined` where nothing is stored, or nobody counts.
   */
  countSessions(): Promise<number | undefined>;
  /** Resolves with an error when a process ends unexpectedly. */
  died: Promise<BenchError>;
  close(): Promise<void>;
}

/** Sums over the servers since their start, and the maximum event-loop delay since the last call. */
export interface EnvironmentStats {
  /** Round trips to the service; `undefined` without a service. */
  roundTrips: number | undefined;
  /** `undefined` when a server does not report it (an older commit). */
  gcNs: number | undefined;
  loopDelayP99Us: number | undefined;
  /** `undefined` when a server does not report it (an older commit). */
  loopTurns: number | undefined;
  /** What inner services received and sent over HTTP; `undefined` without any. */
  innerBytes: number | undefined;
  /** `undefined` where no verified tokens are cached. */
  verifyCache: VerifyCacheStats | undefined;
  /** Renewals of idle expiries; `undefined` when a server does not report them (an older commit, a library). */
  touches: number | undefined;
}

/** Connections in addition to the pools: administration, and one for each server. */
const SPARE_CONNECTIONS = 20;

/** Starts everything that a trial needs. If a part fails, the parts started before are closed. */
export function openEnvironment(trial: Trial, context: RunContext): Promise<Environment> {
  if (trial.site !== undefined) return Promise.resolve(externalEnvironment(trial.site));
  return openTogether(async (resources) => {
    const { guard, signal } = context;
    const directory = guard.createDirectory('trial');
    resources.add('directory', directory.remove);

    const service = await startServiceFor(trial, context, directory.path);
    if (service !== undefined) resources.add(service.name, service.stop);
    if (service !== undefined) await checkDurability(service, durabilityOf(trial, context.config.durability));
    if (service?.tier === 'url') {
      const purge = () => service.purge(namespaceOf(trial, context.runId));
      resources.add(`sessions on ${service.name}`, purge);
    }

    const { storeDistanceMs } = trial;
    const distance =
      service === undefined || storeDistanceMs === undefined
        ? undefined
        : await openDistance(storeDistanceMs, service.url, context);
    if (distance !== undefined) resources.add('distance', distance.stop);

    const deaths = service === undefined || breaksStore(trial.fault) ? [] : [service.died];
    const { front, inner } = await startServers(trial, context, distance ?? service, deaths, resources);
    // Those in front may be started again.
    const servers = () => [...front.processes, ...inner];
    const urls = front.ports.map(urlOf);

    const { chosenBalancer: chosen } = context;
    const upstreams = front.ports.map((port, index) => {
      return { id: `s${index + 1}`, host: '127.0.0.1', port };
    });
    const balancer =
      chosen &&
      (await startBalancer({
        chosen,
        upstreams,
        affinity: trial.affinity,
        directory: directory.path,
        cpus: context.pinning?.balancer,
        certificates: context.certificates,
        guard,
        signal,
      }));
    if (balancer !== undefined) resources.add('balancer', balancer.stop);

    const rig = [balancer, distance?.process].filter((one) => one !== undefined);
    const own = [...servers(), ...rig];
    return {
      targets: balancer === undefined ? urls : [balancer.url],
      servers: urls,
      service,
      distance,
      serverSet: front,
      died: Promise.race([...deaths, ...own.map(unexpectedEnd)]),
      async pids() {
        return {
          server: servers().map((server) => server.pid),
          balancer: balancer === undefined ? [] : [balancer.pid],
          store: (await service?.pids()) ?? [],
          storeRelay: distance === undefined ? [] : [distance.process.pid],
        };
      },
      async stats() {
        const stats = await Promise.all(servers().map((server) => askStats(server)));
        return {
          roundTrips: service && sumOf(stats.map((one) => one.roundTrips)),
          gcNs: sumOf(stats.map((one) => one.gcNs)),
          loopDelayP99Us: maxOf(stats.map((one) => one.loopDelayP99Us)),
          loopTurns: sumOf(stats.map((one) => one.loopTurns)),
          innerBytes: sumOf(stats.slice(front.processes.length).map((one) => one.innerBytes)),
          verifyCache: sumOfCaches(stats.map((one) => one.verifyCache)),
          touches: sumOf(stats.map((one) => one.touches)),
        };
      },
      async countSessions() {
        // Servers that share a store count the same.
        const counting = service === undefined ? servers() : servers().slice(0, 1);
        const stats = await Promise.all(counting.map((server) => askStats(server, { count: true })));
        return sumOf(stats.map((one) => one.sessions));
      },
      async weighSessions() {
        const stats = await Promise.all(servers().map((server) => askStats(server, { weigh: true })));
        return sumOf(stats.map((one) => one.sessionBytes));
      },
      close: resources.close,
    };
  });
}

/** An external site as the environment of an arm: nothing is started, ended or read there. */
function externalEnvironment({ url }: LoadedSite): Environment {
  return {
    targets: [url],
    servers: [url],
    service: undefined,
    distance: undefined,
    serverSet: undefined,
    died: new Promise(() => undefined),
    pids: () => Promise.resolve({ server: [], balancer: [], store: [], storeRelay: [] }),
    stats: () =>
      Promise.resolve({
        roundTrips: undefined,
        gcNs: undefined,
        loopDelayP99Us: undefined,
        loopTurns: undefined,
        innerBytes: undefined,
        verifyCache: undefined,
        touches: undefined,
      }),
    countSessions: () => Promise.resolve(undefined),
    weighSessions: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  };
}

/**
 * Hits and misses of all servers. Each may know the same token, so the distinct tokens are at least the maximum of one.
 */
function sumOfCaches(caches: readonly (VerifyCacheStats | undefined)[]): VerifyCacheStats | undefined {
  const known = caches.filter((cache) => cache !== undefined);
  if (known.length === 0) return undefined;
  const sum = (key: 'hits' | 'misses') => known.reduce((total, cache) => total + cache[key], 0);
  const distinctTokens = Math.max(...known.map((cache) => cache.distinctTokens));
  return { hits: sum('hits'), misses: sum('misses'), distinctTokens };
}

function unexpectedEnd(process: StartedProcess): Promise<BenchError> {
  const error = () =>
    new BenchError({
      ...SERVER_FAILURE,
      expected: `${process.name} to run until the end`,
      got: `its end, after the output "${process.outputTail().slice(-500)}"`,
    });
  return new Promise((resolve) => process.onUnexpectedExit(() => resolve(error())));
}

function startServiceFor(
  trial: Trial,
  context: RunContext,
  directory: string,
): Promise<StartedService | undefined> {
  const { config, guard, signal } = context;
  const definition = findStore(trial.store)?.service(trial.options);
  if (definition === undefined) return Promise.resolve(undefined);
  const url = config.urls[definition.name];
  return startService(definition, {
    tier: config.tier,
    ...(url === undefined ? {} : { url }),
    durability: durabilityOf(trial, config.durability),
    directory,
    maxConnections: (trial.servers + (trial.innerServers ?? 0)) * config.poolSize + SPARE_CONNECTIONS,
    cpus: context.pinning?.store,
    guard,
    signal,
  });
}
