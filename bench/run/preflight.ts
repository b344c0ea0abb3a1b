import { findStore, SERVICES } from '../../stores/registry.ts';
import type { ServiceDefinition } from '../../stores/service.ts';
import type { Config } from '../config/config.ts';
import type { StoreChoice } from '../config/store-choice.ts';
import { findTiers } from '../environment/services/find.ts';
import { BenchError, redactUrl } from '../errors.ts';

/** A configuration that this machine can run, and what was left out of it. */
export interface Feasible {
  config: Config;
  leftOut: string[];
}

/**
 * Looks, before anything is started, whether every service can be had. What the user did not ask for by name
 * is left out with a word.
 * @throws BenchError SERVICE_MISSING for a backend that was asked for by name.
 */
export async function findFeasible(config: Config): Promise<Feasible> {
  const leftOut: string[] = [];
  const stores: StoreChoice[] = [];
  for (const choice of config.stores) {
    const missing = await missingService(choice, config);
    if (missing === undefined) stores.push(choice);
    else if (config.leaveOutMissing) leftOut.push(`${choice.store}: ${missing.details.got}`);
    else throw missing;
  }
  return { config: { ...config, stores }, leftOut };
}

async function missingService(choice: StoreChoice, config: Config): Promise<BenchError | undefined> {
  const service = findStore(choice.store)?.service(choice.options);
  if (service === undefined) return undefined;
  const offers = await offersOf(service, config);
  if (offers.some((offer) => offer.start !== undefined)) return undefined;
  return new BenchError({
    code: 'SERVICE_MISSING',
    expected: `${service.name} for --store ${choice.store}`,
    got: offers.map((offer) => `${offer.tier}: ${offer.detail}`).join('; '),
    remedy: `Run sh scripts/setup.sh, or give --${service.name}-url.`,
  });
}

async function offersOf(service: ServiceDefinition, config: Config) {
  const offers = await findTiers(service, config.urls[service.name]);
  if (config.tier !== 'auto') return offers.filter((offer) => offer.tier === config.tier);
  // A first look pulls no images: that takes minutes, where it works at all.
  return config.leaveOutMissing ? offers.filter((offer) => offer.tier !== 'docker') : offers;
}

/** A line for each service that somebody else runs and that this run will load, so that nobody is surprised. */
export function foreignServices(config: Config): string[] {
  const used = new Set(config.stores.map(({ store, options }) => findStore(store)?.service(options)));
  return SERVICES.flatMap((service) => {
    const url = config.urls[service.name];
    const isUsed =
      used.has(service) && url !== undefined && (config.tier === 'auto' || config.tier === 'url');
    return isUsed
      ? [`loading ${service.name} at ${redactUrl(url)}, by its flag or environment variable`]
      : [];
  });
}
