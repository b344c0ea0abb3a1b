/** What all sites of a run share: programs, balancer, guard and secrets. */

import { randomBytes } from 'node:crypto';
import type { ServiceUrls } from '../config/service-urls.ts';
import { type ChosenBalancer, chooseBalancer } from '../environment/balancer.ts';
import { newRunId, newSecrets, type Secrets } from '../environment/context.ts';
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
  tier: ServiceRequest['tier'];
  urls?: Rig['urls'];
  signal: AbortSignal;
}

/**
 * Builds the programs, finds the balancer and opens the guard. The caller closes `resources`.
 * @throws BenchError BALANCER_MISSING.
 */
export async function openRig(options: RigOptions, resources: Resources): Promise<Rig> {
  const { tier, urls = {}, signal } = options;
  const programs = await buildPrograms();
  const balancer = await chooseBalancer(options.balancer, programs);
  if (balancer === undefined) throw new Error('expected a balancer for the checks of behaviour, got none');
  const guard = await openGuard();
  resources.add('guard', guard.close);
  let sites = 0;
  const run = randomBytes(4).toString('hex');
  return {
    runId: newRunId(),
    guard,
    programs,
    balancer,
    secrets: newSecrets(),
    tier,
    urls,
    signal,
    nextName: () => `sb_${run}_${sites++}`,
  };
}
