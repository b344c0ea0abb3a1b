/** What each tier offers on this machine, and how to start it. */

import type { ServiceDefinition } from '../../../stores/service.ts';
import { TIERS, type Tier } from '../../config/words.ts';
import { redactUrl } from '../../errors.ts';
import { isDockerAvailable } from './container.ts';
import { startDocker } from './docker.ts';
import { useExternal } from './external.ts';
import { startPrograms } from './local.ts';
import type { ServiceRequest, StartedService } from './service.ts';

/** `start` is missing when the tier is not available here; `detail` then says why. */
export interface TierOffer {
  tier: Tier;
  /** For people: `7.0.15 (/usr/bin/redis-server)`, `no redis-server on PATH`. */
  detail: string;
  start?: (request: ServiceRequest) => Promise<StartedService>;
}

/** What one tier offers. @param url of an external service, which is not contacted. */
export async function findTier(
  definition: ServiceDefinition,
  tier: Tier,
  url: string | undefined,
): Promise<TierOffer> {
  if (tier === 'url') {
    if (url === undefined) return { tier, detail: `no --${definition.name}-url` };
    return { tier, detail: redactUrl(url), start: (request) => useExternal(definition, url, request) };
  }
  if (tier === 'docker') {
    // Only on Linux does a container share the host's network, and a mapped port distorts latency.
    if (process.platform !== 'linux') return { tier, detail: 'needs the network of a Linux host' };
    if (!(await isDockerAvailable())) return { tier, detail: 'no Docker engine is available' };
    return { tier, detail: definition.image, start: (request) => startDocker(definition, request) };
  }
  const programs = await (await definition.server())[tier]();
  if (typeof programs === 'string') return { tier, detail: programs };
  const detail = `${programs.version} (${programs.server})`;
  return { tier, detail, start: (request) => startPrograms(definition, programs, tier, request) };
}

/** What all tiers offer, in the order of `auto`. For `doctor`. */
export function findTiers(definition: ServiceDefinition, url: string | undefined): Promise<TierOffer[]> {
  return Promise.all(TIERS.map((tier) => findTier(definition, tier, url)));
}
