import { findStore, SERVICES } from '../../stores/registry.ts';
import { durabilityInForce, type ServiceDefinition } from '../../stores/service.ts';
import { comparatorOf } from '../config/comparators.ts';
import type { Config } from '../config/config.ts';
import { checkOneServer } from '../config/distance.ts';
import type { StoreChoice } from '../config/store-choice.ts';
import { lookAt } from '../conformance/external-site.ts';
import { COMPARATORS_FOLDER, checkPackages } from '../environment/comparator-packages.ts';
import { moduleVersions, servedModule } from '../environment/modules/served-module.ts';
import { checkDurability, describeService } from '../environment/services/describe.ts';
import { findTiers } from '../environment/services/find.ts';
import { BenchError, redactUrl } from '../errors.ts';

/** A configuration that this machine can run, and what was removed from it. */
export interface Feasible {
  config: Config;
  unavailable: string[];
}

/**
 * Checks, before anything is started, whether every service is available. Backends that the user did not name are
 * skipped with a message.
 * @throws BenchError SERVICE_MISSING for a backend that was named; SERVER_FAILED for a library without its packages.
 */
export async function findFeasible(config: Config): Promise<Feasible> {
  const unavailable: string[] = [];
  const stores: StoreChoice[] = [];
  for (const choice of config.stores) {
    if (choice.module !== undefined)
      await Promise.all([servedModule(choice.module), moduleVersions(choice.module)]);
    else if (comparatorOf(choice) !== undefined) checkPackages(COMPARATORS_FOLDER);
    const missing = await findMissing(choice, config);
    if (missing === undefined) stores.push(choice);
    else if (config.skipUnavailable) unavailable.push(`${choice.store}: ${missing.details.got}`);
    else throw missing;
  }
  return { config: { ...config, stores }, unavailable };
}

async function findMissing(choice: StoreChoice, config: Config): Promise<BenchError | undefined> {
  const service = findStore(choice.store)?.service(choice.options);
  if (service === undefined) return undefined;
  const offers = await offersOf(service, config);
  if (offers.some((offer) => offer.start !== undefined)) return undefined;
  return new BenchError({
    code: 'SERVICE_MISSING',
    expected: `${service.name} for --store ${choice.store}`,
    got: offers.map((offer) => `${offer.tier}: ${offer.detail}`).join('; '),
    remedy: `Run sh scripts/setup.sh, or pass --${service.name}-url.`,
  });
}

async function offersOf(service: ServiceDefinition, config: Config) {
  const offers = await findTiers(service, config.urls[service.name]);
  if (config.tier !== 'auto') return offers.filter((offer) => offer.tier === config.tier);
  // By default no images are pulled: that takes minutes, where it works at all.
  return config.skipUnavailable ? offers.filter((offer) => offer.tier !== 'docker') : offers;
}

/**
 * Inspects each external service that this run will load, before anything is started. Returns a line for each, as a
 * warning, with what it does not tell.
 * @throws BenchError SERVICE_UNREACHABLE; SERVICE_REFUSED for one that cannot serve a run; CONFLICT for a cluster with
 * `--store-distance`.
 */
export async function inspectExternal(config: Config): Promise<string[]> {
  if (config.tier !== 'auto' && config.tier !== 'url') return [];
  const used = new Set(config.stores.map(({ store, options }) => findStore(store)?.service(options)));
  const lines: string[] = [];
  for (const service of SERVICES) {
    const url = config.urls[service.name];
    if (url === undefined || !used.has(service)) continue;
    const durability = durabilityInForce(service, config.durability);
    const described = await describeService(service, url, durability);
    await checkDurability(described, durability);
    checkOneServer(service.name, described.servers, config.storeDistancesMs);
    const { version, notes } = described;
    const known = version === '' ? '' : `, ${/^\d/.test(version) ? `${service.title} ${version}` : version}`;
    lines.push(`loading ${service.name} at ${redactUrl(url)}${known}`);
    lines.push(...notes.map((note) => `${service.name}: ${note}`));
  }
  return lines;
}

/**
 * Logs in once at each external site that this run will load, before anything is started. Returns a line for each.
 * @throws BenchError SERVICE_UNREACHABLE; CONFLICT with the site's reply when the contract's login does not work there.
 */
export async function visitSites({ stores }: Config, signal: AbortSignal): Promise<string[]> {
  const lines: string[] = [];
  for (const { store, site } of stores) {
    if (site === undefined) continue;
    await lookAt(site.url, site.contract, signal);
    lines.push(`loading ${store} at ${redactUrl(site.url)}, an external site`);
  }
  return lines;
}
