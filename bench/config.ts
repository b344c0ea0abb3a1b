import type { Handicap } from '../servers/protocol.ts';
import { defaultOptions } from '../stores/options.ts';
import { STORES } from '../stores/registry.ts';
import type { StoreDefinition } from '../stores/store.ts';
import { BenchError } from './errors.ts';
import { type Export, parseExports } from './export/parse.ts';
import { parseThreshold, type Threshold } from './results/threshold.ts';
import { parseServiceUrls, type ServiceUrls } from './service-urls.ts';
import {
  asList,
  distinct,
  listOf,
  oneOf,
  parseSeconds,
  quoted,
  type RawOptions,
  usage,
  wholeNumber,
} from './values.ts';

export const BALANCERS = ['auto', 'haproxy', 'nginx', 'node', 'none'] as const;
export const AFFINITIES = ['round-robin', 'sticky'] as const;
export const SCENARIOS = ['read', 'update', 'login', 'logout', 'mixed', 'revocation'] as const;
export const TRANSPORTS = ['cookie', 'bearer'] as const;
export const DURABILITIES = ['none', 'second', 'commit'] as const;
export const TIERS = ['auto', 'url', 'docker', 'local', 'embedded'] as const;
export const KEY_DISTRIBUTIONS = ['uniform', 'zipf'] as const;
export const ENGINES = ['slices', 'autocannon'] as const;
export const ARRIVALS = ['poisson', 'constant'] as const;
export const PRESETS = ['glance', 'quick', 'ci', 'full', 'gate'] as const;

export type Scenario = (typeof SCENARIOS)[number];

/** A backend and the values of its options, complete. */
export interface StoreChoice {
  store: string;
  options: Record<string, string>;
  /** Which code serves it, when two commits are compared; the work tree's unless given. */
  side?: 'base' | 'head';
  /** Slowness that is planted to prove the instrument. */
  handicap?: Handicap;
  /** Tells it from another arm of the same backend, options and side. */
  label?: string;
}

/** The offered load of an open loop: requests per second, or a share of what the slowest arm can do. */
export type Rate = { perSecond: number } | { share: number };

/** Everything that a run is told, validated and complete. Lists are axes: they expand to a matrix. */
export interface Config {
  stores: StoreChoice[];
  servers: number[];
  balancer: (typeof BALANCERS)[number];
  affinities: (typeof AFFINITIES)[number][];
  scenarios: Scenario[];
  payloadsBytes: number[];
  transport: (typeof TRANSPORTS)[number];
  durability: (typeof DURABILITIES)[number];
  connections: number;
  durationSeconds: number;
  warmupSeconds: number;
  repeat: number;
  sessions: number;
  keys: (typeof KEY_DISTRIBUTIONS)[number];
  poolSize: number;
  engine: (typeof ENGINES)[number];
  /** Length of a slice; `undefined` lets the warm-up choose. */
  sliceSeconds: number | undefined;
  /** `undefined` is a closed loop. */
  rate: Rate | undefined;
  arrivals: (typeof ARRIVALS)[number];
  /** Generator and servers on processors of their own; `auto` where they can be. */
  pin: boolean | 'auto';
  tier: (typeof TIERS)[number];
  /** External services. */
  urls: ServiceUrls;
  out: string | undefined;
  json: boolean;
  /** Tables with the parts of the costs. */
  wide: boolean;
  /** File for the tables as Markdown. */
  markdown: string | undefined;
  exports: Export[];
  /** Ends with 4 where otherwise a warning would do. */
  strict: boolean;
  thresholds: Threshold[];
  seed: number;
  dryRun: boolean;
  verbose: boolean;
  /** True when no store was named: those that cannot be had are left out, with a word, instead of an error. */
  leaveOutMissing: boolean;
}

/** Values that a preset stands for; a flag that is given wins. */
const PRESET_VALUES: Record<(typeof PRESETS)[number], Readonly<Record<string, string>>> = {
  glance: { duration: '1s', warmup: '500ms', sessions: '1000' },
  quick: { scenario: 'read', servers: '3', duration: '3s', warmup: '1s', sessions: '2000' },
  ci: { repeat: '24', duration: '3s', warmup: '2s', sessions: '2000' },
  full: { repeat: '32', duration: '10s', warmup: '5s' },
  // Two cells within ten minutes; the balancer belongs to the rig, which is the same on both sides.
  gate: {
    store: STORES.filter(({ isGated }) => isGated)
      .map(({ name }) => name)
      .join(','),
    repeat: '24',
    duration: '2s',
    warmup: '1500ms',
    sessions: '1000',
    balancer: 'none',
    connections: '32',
  },
};

const DEFAULTS: Readonly<Record<string, string>> = {
  store: STORES.flatMap(listedArms).join(','),
  servers: '1',
  balancer: 'auto',
  affinity: 'round-robin',
  scenario: 'read',
  payload: '256',
  transport: 'cookie',
  durability: 'second',
  connections: '64',
  duration: '10s',
  warmup: '2s',
  repeat: '1',
  sessions: '10000',
  keys: 'uniform',
  pool: '10',
  engine: 'slices',
  arrivals: 'poisson',
  services: 'auto',
};

/** The arms of a backend in lists that we make: libraries that are to stand side by side are an arm each. */
function listedArms({ name, options }: StoreDefinition): string[] {
  const [option] = Object.entries(options).filter(([, { compared }]) => compared !== undefined);
  if (option === undefined) return [name];
  const [key, { compared = [] }] = option;
  return compared.map((value) => `${name}:${key}=${value}`);
}

/** The configuration that these options mean. @throws BenchError USAGE, naming the first wrong value. */
export function parseConfig(raw: RawOptions, env: Readonly<Record<string, string | undefined>>): Config {
  const presetName = raw['preset'] ?? (raw['store'] === undefined ? 'glance' : undefined);
  const preset = presetName === undefined ? {} : PRESET_VALUES[oneOf('preset', presetName, PRESETS)];
  const text = (flag: string) => String(raw[flag] ?? preset[flag] ?? DEFAULTS[flag]);
  const seconds = (flag: string) => parseSeconds(flag, text(flag));
  const whole = (flag: string, min: number, max: number) => wholeNumber(flag, text(flag), min, max);
  const wholeList = (flag: string, min: number, max: number) =>
    distinct(listOf(flag, text(flag)).map((item) => wholeNumber(flag, item, min, max)));

  const config: Config = {
    stores: distinct(listOf('store', text('store')).map(parseStoreChoice)),
    servers: wholeList('servers', 1, 64),
    balancer: oneOf('balancer', text('balancer'), BALANCERS),
    affinities: listOf('affinity', text('affinity')).map((item) => oneOf('affinity', item, AFFINITIES)),
    scenarios: listOf('scenario', text('scenario')).map((item) => oneOf('scenario', item, SCENARIOS)),
    payloadsBytes: wholeList('payload', 64, 65_536),
    transport: oneOf('transport', text('transport'), TRANSPORTS),
    durability: oneOf('durability', text('durability'), DURABILITIES),
    connections: whole('connections', 1, 1000),
    durationSeconds: seconds('duration'),
    warmupSeconds: seconds('warmup'),
    repeat: whole('repeat', 1, 1000),
    sessions: whole('sessions', 1, 1_000_000),
    keys: oneOf('keys', text('keys'), KEY_DISTRIBUTIONS),
    poolSize: whole('pool', 1, 1000),
    engine: oneOf('engine', text('engine'), ENGINES),
    sliceSeconds: raw['slice'] === undefined ? undefined : parseSeconds('slice', String(raw['slice']), 0.01),
    rate: raw['rate'] === undefined ? undefined : parseRate(String(raw['rate'])),
    arrivals: oneOf('arrivals', text('arrivals'), ARRIVALS),
    pin: typeof raw['pin'] === 'boolean' ? raw['pin'] : raw['rate'] === undefined ? false : 'auto',
    tier: oneOf('services', text('services'), TIERS),
    urls: parseServiceUrls(raw, env),
    out: typeof raw['out'] === 'string' ? raw['out'] : undefined,
    json: raw['json'] === true,
    wide: raw['wide'] === true,
    markdown: typeof raw['markdown'] === 'string' ? raw['markdown'] : undefined,
    exports: parseExports(asList(raw['export'])),
    strict: raw['strict'] === true,
    thresholds: asList(raw['threshold']).map((text) => parseThreshold(text)),
    seed:
      raw['seed'] === undefined
        ? Math.floor(Math.random() * 2 ** 31)
        : wholeNumber('seed', String(raw['seed']), 0, 2 ** 32 - 1),
    dryRun: raw['dryRun'] === true,
    verbose: raw['verbose'] === true,
    leaveOutMissing: raw['store'] === undefined,
  };
  refuseContradictions(config);
  return config;
}

function refuseContradictions(config: Config): void {
  const spread = config.servers.some((servers) => servers > 1);
  if (config.balancer === 'none' && spread && config.affinities.includes('round-robin')) {
    throw new BenchError({
      code: 'CONFLICT',
      expected: '--affinity sticky with --balancer none and several servers',
      got: '--affinity round-robin',
      remedy:
        'Without a balancer each connection stays with one server: add --affinity sticky, or name a balancer.',
    });
  }
  if (config.balancer === 'none' && config.servers.some((servers) => servers > config.connections)) {
    throw new BenchError({
      code: 'CONFLICT',
      expected: 'a connection for each server with --balancer none',
      got: `--connections ${config.connections} --servers ${config.servers}`,
      remedy: 'Raise --connections, or name a balancer.',
    });
  }
  if (config.sessions < config.connections) {
    throw new BenchError({
      code: 'CONFLICT',
      expected: `--sessions of at least --connections (${config.connections})`,
      got: String(config.sessions),
      remedy: 'No two connections may share a session: raise --sessions or lower --connections.',
    });
  }
  if (config.rate !== undefined && config.engine === 'autocannon') {
    throw new BenchError({
      code: 'CONFLICT',
      expected: '--engine slices with --rate',
      got: '--engine autocannon',
      remedy: 'Its own rate mode is no open loop (docs/measurement.md): leave --engine out.',
    });
  }
  if (config.rate !== undefined && config.scenarios.includes('revocation')) {
    throw new BenchError({
      code: 'CONFLICT',
      expected: 'a scenario that is sent at a rate with --rate',
      got: '--scenario revocation, which polls at its own pace',
      remedy: 'Run it by itself, without --rate.',
    });
  }
  if (config.sliceSeconds !== undefined && config.sliceSeconds > config.durationSeconds) {
    throw usage('--slice of at most --duration', `${config.sliceSeconds} s`, 'Lower --slice.');
  }
  if (config.tier !== 'url') return;
  for (const { store, options } of config.stores) {
    const service = STORES.find((definition) => definition.name === store)?.service(options)?.name;
    if (service !== undefined && config.urls[service] === undefined) {
      throw usage(
        `--${service}-url with --services url and --store ${store}`,
        'no URL',
        `Add --${service}-url.`,
      );
    }
  }
}

/** `2000` and `2000/s` are requests per second, `50%` a share of the slowest arm's capacity. */
function parseRate(text: string): Rate {
  const match = /^(\d+(?:\.\d+)?)(%|\/s)?$/.exec(text);
  const value = Number(match?.[1] ?? Number.NaN);
  if (match?.[2] === '%' && value > 0 && value <= 100) return { share: value / 100 };
  if (match !== null && match[2] !== '%' && value >= 1 && value <= 1_000_000) return { perSecond: value };
  throw usage(
    'requests per second, from 1 to 1000000, or a share of the capacity, up to 100%, for --rate',
    quoted(text),
    'Write for example --rate 2000 or --rate 50%.',
  );
}

/** `redis`, or with options `redis:write=lww;read=getex`. */
export function parseStoreChoice(text: string): StoreChoice {
  const [name = '', ...rest] = text.split(':');
  const store = oneOf('store', name, STORES.map((definition) => definition.name) as [string, ...string[]]);
  const definition = STORES.find((candidate) => candidate.name === store) as StoreDefinition;
  const options = defaultOptions(definition);
  const known = Object.keys(definition.options);
  const named = new Set<string>();
  for (const pair of rest.length === 0 ? [] : rest.join(':').split(/[;+]/)) {
    if (known.length === 0) throw usage(`no options of ${store}`, quoted(pair), `Write --store ${store}.`);
    const [key = '', value = '', ...more] = pair.split('=');
    const option = definition.options[oneOf(`store ${store}:`, key, known as [string, ...string[]])];
    if (more.length > 0 || named.has(key))
      throw usage(
        `one value for ${key} of ${store}`,
        quoted(rest.join(':')),
        'Join options by +, each once.',
      );
    named.add(key);
    options[key] = oneOf(`store ${store}:${key}=`, value, option?.values ?? ['']);
  }
  const conflict = definition.conflict?.(options);
  if (conflict !== undefined)
    throw usage(`${conflict.expected} in --store ${store}`, conflict.got, 'Change one of the two.');
  return { store, options };
}
