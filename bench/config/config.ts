import { findStore, STORES } from '../../stores/registry.ts';
import { checkComparators } from './comparators.ts';
import { checkCpuSources } from './cpu-from.ts';
import { checkDistance } from './distance.ts';
import { checkFailure } from './failure.ts';
import { parseFlags, type ValuesOf } from './flag.ts';
import { RUN_FLAGS } from './flags.ts';
import { checkInner } from './inner.ts';
import { checkLifetimes } from './lifetimes.ts';
import { checkPayload } from './payload.ts';
import { EQUAL_LOAD_SHARE } from './rate.ts';
import { parseServiceUrls, type ServiceUrls, servicesOf } from './service-urls.ts';
import { checkSites, sitesOf } from './sites.ts';
import type { StoreChoice } from './store-choice.ts';
import { bindModules } from './store-module.ts';
import { conflict, type RawOptions, usage } from './values.ts';
import type { PRESETS } from './words.ts';

/** The configuration of a run, validated and complete. Lists are axes: they expand to a matrix. */
export interface Config extends Omit<ValuesOf<typeof RUN_FLAGS>, 'pin'> {
  /** Separate processors for generator and servers; `auto` where possible. */
  pin: boolean | 'auto';
  /** External services. */
  urls: ServiceUrls;
  /** True when no store was named: unavailable ones are skipped with a message instead of an error. */
  skipUnavailable: boolean;
}

/** The values of each preset; explicit flags win. */
export const PRESET_VALUES: Record<(typeof PRESETS)[number], Readonly<Record<string, string>>> = {
  glance: { duration: '1s', warmup: '500ms', sessions: '1000' },
  quick: { scenario: 'read', servers: '3', duration: '3s', warmup: '3s', sessions: '2000' },
  ci: { repeat: '24', duration: '3s', warmup: '6s', sessions: '2000' },
  full: { repeat: '32', duration: '10s', warmup: '15s' },
  // Two cells within ten minutes; the balancer belongs to the rig, which is the same on both sides.
  gate: {
    store: STORES.filter(({ isGated }) => isGated)
      .map(({ name }) => name)
      .join(','),
    repeat: '48',
    duration: '2500ms',
    warmup: '2s',
    sessions: '1000',
    balancer: 'none',
    connections: '32',
  },
};

/** Parses the options. @throws BenchError USAGE, for the first wrong value. */
export function parseConfig(raw: RawOptions, env: Readonly<Record<string, string | undefined>>): Config {
  const sites = sitesOf(raw);
  const implied = raw['store'] === undefined && sites === undefined ? 'glance' : undefined;
  const preset = RUN_FLAGS.preset.parse(raw['preset'] ?? implied, 'preset');
  const values = preset === undefined ? {} : PRESET_VALUES[preset];
  const parsed = parseFlags(RUN_FLAGS, raw, { preset: values });
  const rate = parsed.equalLoad ? (parsed.rate ?? { share: EQUAL_LOAD_SHARE }) : parsed.rate;
  // A balancer would share a small machine's processor with the generator, and a closed loop fills both.
  const hasBalancer = sites === undefined && parsed.balancer !== 'none';
  const isAlone = rate !== undefined || (!hasBalancer && preset !== 'glance');
  const own = sites === undefined ? {} : siteConfig(sites, parsed.connections, raw, values);
  const stores = sites ?? bindModules(parsed.stores, parsed.service);
  const config: Config = {
    ...parsed,
    stores,
    ...own,
    preset,
    rate,
    arrivals: parsed.equalLoad ? 'constant' : parsed.arrivals,
    pin: parsed.pin ?? (isAlone ? 'auto' : false),
    urls: parseServiceUrls(raw, env, servicesOf(stores)),
    skipUnavailable: raw['store'] === undefined && sites === undefined,
  };
  checkConflicts(config);
  return config;
}

/** Sessions for each connection of a site: others may have slow logins, and what is made there stays there. */
const SITE_SESSIONS = 2;

/** What differs where external sites are loaded: nothing is known of their servers and of their data. */
function siteConfig(
  stores: StoreChoice[],
  connections: number,
  raw: RawOptions,
  preset: Readonly<Record<string, string>>,
): Pick<Config, 'stores' | 'servers' | 'balancer' | 'affinities' | 'payloadsBytes'> &
  Partial<Pick<Config, 'sessions'>> {
  const isGiven = raw['sessions'] !== undefined || preset['sessions'] !== undefined;
  return {
    stores,
    servers: [0],
    balancer: 'none',
    affinities: ['round-robin'],
    payloadsBytes: [0],
    ...(isGiven ? {} : { sessions: SITE_SESSIONS * connections }),
  };
}

/** Only HAProxy and nginx terminate TLS. @throws BenchError CONFLICT */
export function checkTls(tls: boolean, balancers: readonly string[]): void {
  const plain = balancers.find((name) => name === 'none' || name === 'node');
  if (!tls || plain === undefined) return;
  const remedy = 'Name --balancer haproxy or nginx, or leave --tls out.';
  throw conflict('a balancer that terminates TLS with --tls', `--balancer ${plain}`, remedy);
}

function checkConflicts(config: Config): void {
  checkSites(config);
  checkCpuSources(config);
  checkComparators(config);
  checkLifetimes(config);
  checkTls(config.tls, [config.balancer]);
  checkPayload(config);
  checkInner(config.stores, config.scenarios, config.innerServers);
  checkDistance(config.stores, config.urls, config.storeDistancesMs);
  checkFailure(config);
  if (config.tls && config.engine === 'autocannon') {
    throw conflict('--engine slices with --tls', '--engine autocannon', 'Leave --engine out.');
  }
  const spread = config.servers.some((servers) => servers > 1);
  if (config.balancer === 'none' && spread && config.affinities.includes('round-robin')) {
    throw conflict(
      '--affinity sticky with --balancer none and several servers',
      '--affinity round-robin',
      'Without a balancer each connection stays with one server: add --affinity sticky, or name a balancer.',
    );
  }
  if (config.balancer === 'none' && config.servers.some((servers) => servers > config.connections)) {
    const got = `--connections ${config.connections} --servers ${config.servers}`;
    const remedy = 'Raise --connections, or name a balancer.';
    throw conflict('a connection for each server with --balancer none', got, remedy);
  }
  if (config.sessions < config.connections) {
    const remedy = 'No two connections may share a session: raise --sessions or lower --connections.';
    const expected = `--sessions of at least --connections (${config.connections})`;
    throw conflict(expected, String(config.sessions), remedy);
  }
  if (config.rate !== undefined && config.engine === 'autocannon') {
    const remedy = 'Its own rate mode is not an open loop (docs/measurement.md): leave --engine out.';
    throw conflict('--engine slices with --rate', '--engine autocannon', remedy);
  }
  if (config.rate !== undefined && config.scenarios.includes('revocation')) {
    const got = '--scenario revocation, which polls at its own pace';
    throw conflict('a scenario that is sent at a rate with --rate', got, 'Run it by itself, without --rate.');
  }
  if (config.sliceSeconds !== undefined && config.sliceSeconds > config.durationSeconds) {
    throw usage('--slice of at most --duration', `${config.sliceSeconds} s`, 'Lower --slice.');
  }
  if (config.tier !== 'url') return;
  for (const { store, options } of config.stores) {
    const service = findStore(store)?.service(options)?.name;
    if (service !== undefined && config.urls[service] === undefined) {
      const expected = `--${service}-url with --services url and --store ${store}`;
      throw usage(expected, 'no URL', `Add --${service}-url.`);
    }
  }
}
