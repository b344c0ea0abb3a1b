import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { findStore } from '../stores/registry.ts';
import type { RunContext } from './environment/context.ts';
import { cpuNsOf, machineBusyNs, memoryBytesOf } from './environment/cpu.ts';
import { type Environment, openEnvironment } from './environment/environment.ts';
import { type Generator, startGenerator } from './environment/generator.ts';
import type { MachineCells } from './environment/machine.ts';
import { openTogether, type Resources } from './environment/resources.ts';
import { REVOCATION_IDLE_SECONDS } from './environment/server.ts';
import { BenchError, messageOf } from './errors.ts';
import type { LoadJob, LoadResult } from './load/job.ts';
import type { Trial } from './plan.ts';
import { type Row, SCHEMA_VERSION } from './results/row.ts';
import { type Expectation, type Observed, rowsOf, rowWithout } from './results/rows.ts';

/** Rows of a trial, what the service was set to, and the histograms behind the rows. */
export interface TrialOutcome {
  rows: Row[];
  /** Tier, networking and settings of the service; absent without one. */
  service?: Record<string, unknown>;
  histograms: Readonly<Record<string, string>>;
  /** What could not be closed or removed afterwards; absent when all was. */
  unclosed?: string;
}

/** After the window, before the last reading: work put off, such as a write of the AOF, is counted. */
const DRAIN_MS = 200;
/** Sessions of the revocation scenario: each is polled until it is refused, on every server. */
const REVOCATION_SESSIONS = 48;
/** How long a token may outlive its expiry in the revocation scenario before it counts as never refused. */
const REVOCATION_GRACE_SECONDS = 2;

/**
 * Runs one trial from start to rows, and leaves nothing running.
 * @throws BenchError when a part fails to start or dies; the reason of the signal when it is aborted.
 */
export function runTrial(
  trial: Trial,
  context: RunContext,
  machine: MachineCells,
  onProgress: (text: string) => void,
): Promise<TrialOutcome> {
  return openTogether(async (resources) => {
    const base = baseRow(trial, context, machine);
    onProgress('starting');
    const [environment, generator] = await openBoth(
      resources,
      openEnvironment(trial, context),
      startGenerator(context, onProgress),
    );
    const died = environment.died.then((error) => {
      throw error;
    });
    const release = new AbortController();
    resources.add('watch on the signal', () => release.abort());
    const aborted = rejectionOf(context.signal, release.signal);
    const outcome = await Promise.race([
      aborted,
      died,
      loadTrial(trial, context, base, environment, generator, onProgress),
    ]);
    // What was measured is not lost because something could not be tidied up.
    const unclosed = await resources.close().then(() => undefined, messageOf);
    return unclosed === undefined ? outcome : { ...outcome, unclosed };
  });
}

/** Rejects with the signal's reason when it is aborted: no step of a trial, however long, outlives a Ctrl-C. */
function rejectionOf(signal: AbortSignal, release: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true, signal: release });
  });
}

/** Waits for both, whichever fails first, so that the other is closed as well. */
async function openBoth<A extends Closable, B extends Closable>(
  resources: Resources,
  first: Promise<A>,
  second: Promise<B>,
): Promise<[A, B]> {
  const settled = await Promise.allSettled([first, second]);
  for (const one of settled)
    if (one.status === 'fulfilled') resources.add('a part of the trial', one.value.close);
  return Promise.all([first, second]);
}

interface Closable {
  close(): Promise<void>;
}

async function loadTrial(
  trial: Trial,
  context: RunContext,
  base: Row,
  environment: Environment,
  generator: Generator,
  onProgress: (text: string) => void,
): Promise<TrialOutcome> {
  const { config } = context;
  const { service } = environment;
  const described = describeService(environment);
  refuseOtherDurability(environment, config.durability);
  const job = jobOf(trial, context, environment);
  onProgress('making sessions');
  const prepared = await generator.prepare(job);
  const known: Row = { ...base, ...(service === undefined ? {} : { store_version: service.version }) };
  if ('unsupported' in prepared) {
    return { rows: [rowWithout(known, 'unsupported', prepared.unsupported)], histograms: {}, ...described };
  }
  onProgress('warming up');
  await generator.warm(config.warmupSeconds);
  await service?.settle();
  onProgress('measuring');
  const { result, observed } = await measure(trial, context, environment, generator);
  const row: Row = { ...known, sessions_live: prepared.sessionsLive };
  return {
    rows: rowsOf(trial, row, result, observed, expectationOf(trial, foreignShareOf(result, observed))),
    histograms: Object.fromEntries(result.operations.map((one) => [one.operation, one.histogram])),
    ...described,
  };
}

/** One measured window between two readings of every process. */
async function measure(
  trial: Trial,
  context: RunContext,
  environment: Environment,
  generator: Generator,
): Promise<{ result: LoadResult; observed: Observed }> {
  const seconds =
    trial.scenario === 'revocation'
      ? REVOCATION_IDLE_SECONDS + REVOCATION_GRACE_SECONDS
      : context.config.durationSeconds;
  const pids = await environment.pids();
  // The servers are asked first, so that answering is not charged to the window.
  const read = async () => ({
    roundTrips: await environment.roundTrips(),
    at: performance.now(),
    servers: pids.server.map((pid) => cpuNsOf([pid])),
    balancer: cpuNsOf(pids.balancer),
    store: cpuNsOf(pids.store),
    machine: machineBusyNs(),
  });
  const before = await read();
  const result = await generator.measure(seconds);
  const windowSeconds = (performance.now() - before.at) / 1000;
  const machineAfter = machineBusyNs();
  await setTimeout(DRAIN_MS);
  const after = await read();
  const perServerNs = after.servers.map((ns, index) => difference(ns, before.servers[index]));
  const spent = (key: 'balancer' | 'store' | 'roundTrips') => difference(after[key], before[key]);
  return {
    result,
    observed: {
      windowSeconds,
      cpuNs: { server: sumOf(perServerNs), balancer: spent('balancer'), store: spent('store') },
      busiestServerNs: greatest(perServerNs),
      machineBusyNs: difference(machineAfter, before.machine),
      roundTrips: spent('roundTrips'),
      rssServerBytes: memoryBytesOf(pids.server),
      rssStoreBytes: memoryBytesOf(pids.store),
    },
  };
}

/** What of the machine's time went to neither the trial's processes nor the harness. */
function foreignShareOf(result: LoadResult, observed: Observed): number | undefined {
  const { machineBusyNs, cpuNs, windowSeconds } = observed;
  if (machineBusyNs === undefined || cpuNs.server === undefined) return undefined;
  const ours = cpuNs.server + (cpuNs.balancer ?? 0) + (cpuNs.store ?? 0) + result.cpuNs;
  return Math.max(0, machineBusyNs - ours) / 1e9 / windowSeconds / availableParallelism();
}

/** The sum of these; `undefined` when one cannot be read. */
function sumOf(values: readonly (number | undefined)[]): number | undefined {
  return values.some((value) => value === undefined)
    ? undefined
    : (values as number[]).reduce((sum, value) => sum + value, 0);
}

/** The greatest of these; `undefined` when one cannot be read. */
function greatest(values: readonly (number | undefined)[]): number | undefined {
  return values.some((value) => value === undefined) ? undefined : Math.max(...(values as number[]));
}

function difference(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : after - before;
}

function jobOf(trial: Trial, context: RunContext, environment: Environment): LoadJob {
  const { config, secrets } = context;
  const revocation = trial.scenario === 'revocation';
  return {
    targets: environment.targets,
    servers: environment.servers,
    scenario: trial.scenario,
    transport: config.transport,
    payloadBytes: trial.payloadBytes,
    connections: config.connections,
    sessions: revocation ? Math.min(config.sessions, REVOCATION_SESSIONS) : config.sessions,
    keys: config.keys,
    seed: config.seed + trial.block,
    password: secrets.password,
  };
}

/** What the traits predict: (N-1)/N of reads miss where sessions stay in one server and requests do not. */
function expectationOf(trial: Trial, foreignShare: number | undefined): Expectation {
  const definition = findStore(trial.store);
  const shared = definition?.traits(trial.options, 'second').shared ?? true;
  const scattered = !shared && trial.affinity === 'round-robin' && trial.scenario !== 'revocation';
  return {
    missShare: scattered ? (trial.servers - 1) / trial.servers : 0,
    tokenLifetimeSeconds: REVOCATION_IDLE_SECONDS,
    foreignShare,
    storeCores: definition?.service(trial.options) === 'redis' ? 1 : Number.POSITIVE_INFINITY,
  };
}

/** A service that somebody else runs may be set otherwise than asked: its figures would bear the wrong name. */
function refuseOtherDurability({ service }: Environment, durability: string): void {
  if (service?.durabilityMatches !== false) return;
  const { name, settings } = service;
  const keys = name === 'redis' ? ['appendonly', 'appendfsync', 'save'] : ['synchronous_commit', 'fsync'];
  throw new BenchError({
    code: 'SERVICE_REFUSED',
    expected: `${name} to be set to --durability ${durability}`,
    got: keys.map((key) => `${key}=${settings[key] || '(none)'}`).join(', '),
    remedy: 'Name the durability that it has, or change its settings.',
  });
}

function describeService({ service }: Environment): { service?: Record<string, unknown> } {
  if (service === undefined) return {};
  const { name, tier, version, networking, settings, durabilityMatches, redactedUrl } = service;
  return { service: { name, tier, version, networking, url: redactedUrl, durabilityMatches, settings } };
}

/** The cells that are known before anything has started. */
export function baseRow(trial: Trial, context: RunContext, machine: MachineCells): Row {
  const { config, runId, chosenBalancer } = context;
  const connections = findStore(trial.store)?.connections(trial.options, config.poolSize) ?? 0;
  return {
    schema_version: SCHEMA_VERSION,
    run_id: runId,
    started_at: new Date().toISOString(),
    ...machine,
    arm: trial.arm,
    store: trial.store,
    variant: trial.variant,
    servers: trial.servers,
    balancer: chosenBalancer?.balancer.name ?? 'none',
    ...(chosenBalancer === undefined ? {} : { balancer_version: chosenBalancer.version }),
    affinity: trial.affinity,
    transport: config.transport,
    scenario: trial.scenario,
    payload_bytes: trial.payloadBytes,
    key_distribution: config.keys,
    ...(connections === 0 ? {} : { pool_size: connections }),
    engine: config.engine,
    pass: 'capacity',
    load_model: 'closed',
    connections: config.connections,
    block: `${runId}-${trial.block}`,
    order_index: trial.orderIndex,
    seed: config.seed,
    warmup_s: config.warmupSeconds,
  };
}
