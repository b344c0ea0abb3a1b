/** What all sites of a run share: programs, balancer, guard and secrets. */

import { randomBytes } from 'node:crypto';
import type { ServiceUrls } from '../config/service-urls.ts';
import { type ChosenBalancer, chooseBalancer } from '../environment/balancer.ts';
import type { Certificates } from '../environment/certificates.ts';
import { newRunId, newSecrets, type Secrets } from '../environment/context.ts';
import { openEdge } from '../environment/edge.ts';
import { type Guard, openGuard } from '../environment/processes/guard.ts';
import type { Resources } from '../environment/processes/resources.ts';
import { buildPrograms, type Programs } from '../environment/programs.ts';
import type { ServiceRequest } from '../environment/services/service.ts';

/** Shared by all sites of a run. */
export interface Rig {
  runId: string;
  guard: Guard;
  programs: Programs;
  balancer: ChosenBalancer;
  /** With `--tls`: those of the balancer; absent: plain HTTP. */
  certificates?: Certificates | undefined;
  secrets: Secrets;
  tier: ServiceRequest['tier'];
  /** External services, by name. */
  urls: ServiceUrls;
  signal: AbortSignal;
  /** A word that no other site of the run has. */
  nextName(): string;
}

export interface RigOptions {
  balancer: 'auto' | 'haproxy' | 'nginx' | 'node';
  /** Whether the balancer terminates TLS; default not. */
  tls?: boolean;
  tier: ServiceRequest['tier'];
  urls?: Rig['urls'];
  signal: AbortSignal;
}

/**
 * Builds the programs, finds the balancer and opens the guard. The caller closes `resources`.
 * @throws BenchError BALANCER_MISSING.
 */
export async function openRig(options: RigOptions, resources: Resources): Promise<Rig> {
  const { tier, urls = {}, signal, tls = false } = options;
  const programs = await buildPrograms();
  const balancer = await chooseBalancer(options.balancer, programs, tls);
  if (balancer === undefined) throw new Error('expected a balancer for the checks of behaviour, got none');
  const guard = await openGuard();
  resources.add('guard', guard.close);
  const certificates = tls ? await openEdge(guard, resources) : undefined;
  let sites = 0;
  const run = randomBytes(4).toString('hex');
  return {
    runId: newRunId(),
    guard,
    programs,
    balancer,
    certificates,
    secrets: newSecrets(),
    tier,
    urls,
    signal,
    nextName: () => `sb_${run}_${sites++}`,
  };
}
