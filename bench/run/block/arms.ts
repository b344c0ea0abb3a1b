import { findStore } from '../../../stores/registry.ts';
import { lifetimesOf } from '../../config/lifetimes.ts';
import type { RunContext } from '../../environment/context.ts';
import { type Environment, openEnvironment } from '../../environment/environment.ts';
import type { Generator } from '../../environment/generator.ts';
import type { MachineCells } from '../../environment/machine/machine.ts';
import { moduleVersions } from '../../environment/modules/served-module.ts';
import type { Resources } from '../../environment/processes/resources.ts';
import { isEchoError } from '../../environment/server-echo.ts';
import { messageOf } from '../../errors.ts';
import type { LoadJob } from '../../load/job.ts';
import type { Row } from '../../results/row.ts';
import { rowWithout } from '../../results/rows.ts';
import type { Block, Trial } from '../plan.ts';
import { baseRow } from './base-row.ts';
import { obstacleTo } from './faults.ts';

/** One arm of a block, running, with its sessions created. */
export interface Arm {
  /** Its number in the generator. */
  index: number;
  trial: Trial;
  environment: Environment;
  /** Root pids by role. */
  pids: Awaited<ReturnType<Environment['pids']>>;
  /** The cells that are known before the load. */
  row: Row;
  /** Size of the service's data before the sessions were created; `undefined` without a service. */
  emptyStoreBytes: number | undefined;
}

/** An arm without figures: it did not start, or its backend cannot hold such sessions. */
export interface AbsentArm {
  trial: Trial;
  rows: Row[];
  /** Why it did not start; absent when it is only unsupported. */
  failure?: string;
}

/** The load settings that may differ between blocks of a run. */
export interface BlockLoad {
  /** Requests per second to each arm; `undefined` in a closed loop. */
  ratePerSecond: number | undefined;
  /** The rate that the generator reaches against the null server; `undefined` in a closed loop. */
  nullServerRps: number | undefined;
}

/** Sessions of the revocation scenario: each is polled until it is refused, on every server. */
const REVOCATION_SESSIONS = 48;

/**
 * Starts the environments of all arms, then creates their sessions, one arm after the other. An arm that is not
 * available is returned as such; the others continue without it.
 * @throws the signal's reason when it is aborted.
 */
export async function openArms(
  block: Block,
  context: RunContext,
  machine: MachineCells,
  generator: Promise<Generator>,
  resources: Resources,
): Promise<{ arms: Arm[]; absent: AbsentArm[] }> {
  const opening = block.trials.map((trial) => openEnvironment(trial, context));
  const settled = await Promise.allSettled(opening);
  for (const one of settled) if (one.status === 'fulfilled') resources.add('an arm', one.value.close);
  const loader = await generator;
  context.signal.throwIfAborted();

  const arms: Arm[] = [];
  const absent: AbsentArm[] = [];
  for (const [index, one] of settled.entries()) {
    const trial = block.trials[index] as Trial;
    const service = one.status === 'fulfilled' ? one.value.service : undefined;
    const versions = trial.module && (await moduleVersions(trial.module));
    const bare = baseRow(trial, context, machine, service, versions);
    const miss = (status: 'failed' | 'unsupported', reason: string) => {
      const rows = [rowWithout(bare, status, reason)];
      absent.push(status === 'failed' ? { trial, rows, failure: reason } : { trial, rows });
    };
    if (one.status === 'rejected') {
      if (isEchoError(one.reason)) throw one.reason;
      miss('failed', messageOf(one.reason));
      continue;
    }
    const environment = one.value;
    const version = environment.service?.version;
    const row: Row = version === undefined ? bare : { ...bare, store_version: version };
    const obstacle = trial.fault && obstacleTo(trial.fault, environment);
    if (obstacle !== undefined) {
      absent.push({ trial, rows: [rowWithout(row, 'unsupported', obstacle)] });
      continue;
    }
    try {
      const emptyStoreBytes = await environment.service?.dataBytes();
      const prepared = await prepare(loader, index, trial, context, environment);
      if ('unsupported' in prepared) {
        absent.push({ trial, rows: [rowWithout(row, 'unsupported', prepared.unsupported)] });
        continue;
      }
      const known: Row = { ...row, sessions_live: prepared.sessionsLive };
      arms.push({ index, trial, environment, pids: await environment.pids(), row: known, emptyStoreBytes });
    } catch (error) {
      context.signal.throwIfAborted();
      miss('failed', messageOf(error));
    }
  }
  return { arms, absent };
}

/** Creates an arm's sessions. If a part of it dies meanwhile, that is the error, not the generator's. */
function prepare(
  generator: Generator,
  index: number,
  trial: Trial,
  context: RunContext,
  environment: Environment,
) {
  const died = environment.died.then((error) => {
    throw error;
  });
  return Promise.race([died, generator.prepare(index, jobOf(trial, context, environment))]);
}

function jobOf(trial: Trial, context: RunContext, environment: Environment): LoadJob {
  const { config, secrets } = context;
  const revocation = trial.scenario === 'revocation';
  return {
    targets: environment.targets,
    wire: trial.site?.contract.wire ?? { ca: context.certificates?.ca },
    servers: environment.servers,
    scenario: trial.scenario,
    transport: config.transport,
    payloadBytes: trial.payloadBytes,
    connections: config.connections,
    sessions: revocation ? Math.min(config.sessions, REVOCATION_SESSIONS) : config.sessions,
    keys: config.keys,
    seed: config.seed + trial.block,
    password: secrets.password,
    staysAwake: context.staysAwake,
    takesUp: lifetimesOf(config).touchSeconds !== undefined,
    ...(config.expiring === undefined
      ? {}
      : { expiring: { sessions: config.expiring, churned: config.churn ?? 0 } }),
    ...(trial.site === undefined ? {} : { site: { ...trial.site.contract, userBase: userBase(trial) } }),
  };
}

/** Begins the numbers of an arm's users: no earlier block has used them, nor has another site with the same users. */
function userBase({ orderIndex }: Trial): string {
  return `${Math.floor(Date.now() / 1000) % 1_000_000_000}${String(orderIndex % 1000).padStart(3, '0')}`;
}

/** Tier, networking and settings of an arm's service, for the record of the run; `undefined` without one. */
export function describeService({ service }: Environment): Record<string, unknown> | undefined {
  if (service === undefined) return undefined;
  const { name, tier, version, networking, settings, notes, durabilityMatches, redactedUrl } = service;
  return { name, tier, version, networking, url: redactedUrl, durabilityMatches, settings, notes };
}

/** Processors that an arm's service can use. */
export function storeCores(trial: Trial): number {
  return findStore(trial.store)?.service(trial.options)?.processors ?? Number.POSITIVE_INFINITY;
}
