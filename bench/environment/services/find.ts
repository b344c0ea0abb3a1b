/** What each tier offers on this machine, and how to start it. */

import type { ServerPrograms, ServiceDefinition } from '../../../stores/service.ts';
import { TIERS, type Tier } from '../../config/words.ts';
import { redactUrl } from '../../errors.ts';
import { isDockerAvailable } from './container.ts';
import { startDocker } from './docker.ts';
import { useExternal } from './external.ts';
import { startPrograms } from './local.ts';
import type { StartTier } from './service.ts';

/** `start` is missing when the tier is not available here; `detail` then says why. */
export interface TierOffer {
  tier: Tier;
  /** For people: `7.0.15 (/usr/bin/redis-server)`, `no redis-server on PATH`. */
  detail: string;
  start?: StartTier;
}

/** What one tier offers. @param url of an external service, which is not contacted. */
export function findTier(
  definition: ServiceDefinition,
  tier: Tier,
  url: string | undefined,
): Promise<TierOffer> {
  return FINDERS[tier](definition, url);
}

/** What all tiers offer, in the order of `auto`. For `doctor`. */
export function findTiers(definition: ServiceDefinition, url: string | undefined): Promise<TierOffer[]> {
  return Promise.all(TIERS.map((tier) => findTier(definition, tier, url)));
}

const FINDERS: Readonly<
  Record<Tier, (definition: ServiceDefinition, url: string | undefined) => Promise<TierOffer>>
> = {
  async url(definition, url) {
    if (url === undefined) return { tier: 'url', detail: `no --${definition.name}-url` };
    return { tier: 'url', detail: redactUrl(url), start: (request) => useExternal(definition, url, request) };
  },
  local: async (definition) => offer(definition, 'local', await (await definition.server()).local()),
  embedded: async (definition) => offer(definition, 'embedded', await (await definition.server()).embedded()),
  async docker(definition) {
    // Only on Linux does a container share the host's network, and a mapped port distorts latency.
    if (process.platform !== 'linux') return { tier: 'docker', detail: 'needs the network of a Linux host' };
    if (!(await isDockerAvailable())) return { tier: 'docker', detail: 'no Docker engine is available' };
    return {
      tier: 'docker',
      detail: definition.image,
      start: (request) => startDocker(definition, request),
    };
  },
};

/** @param programs those that were found, or why there are none. */
function offer(
  definition: ServiceDefinition,
  tier: 'local' | 'embedded',
  programs: ServerPrograms | string,
): TierOffer {
  if (typeof programs === 'string') return { tier, detail: programs };
  const detail = `${programs.version} (${programs.server})`;
  return { tier, detail, start: (request) => startPrograms(definition, programs, tier, request) };
}
