import { closest, distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { STORES } from '../stores/registry.ts';
import { defaultOptions, type StoreDefinition } from '../stores/store.ts';
import { BenchError, redactUrl } from './errors.ts';
import { parseThreshold, type Threshold } from './results/threshold.ts';

export const BALANCERS = ['auto', 'haproxy', 'nginx', 'node', 'none'] as const;
export const AFFINITIES = ['round-robin', 'sticky'] as const;
export const SCENARIOS = ['read', 'update', 'login', 'logout', 'mixed', 'revocation'] as const;
export const TRANSPORTS = ['cookie', 'bearer'] as const;
export const DURABILITIES = ['none', 'second', 'commit'] as const;
export const TIERS = ['auto', 'url', 'docker', 'local', 'embedded'] as const;
export const KEY_DISTRIBUTIONS = ['uniform', 'zipf'] as const;
export const ENGINES = ['autocannon'] as const;
export const PRESETS = ['glance', 'quick', 'ci', 'full'] as const;

export type Scenario = (typeof SCENARIOS)[number];

/** A backend and the values of its options, complete. */
export interface StoreChoice {
  store: string;
  options: Record<string, string>;
}

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
  tier: (typeof TIERS)[number];
  redisUrl: string | undefined;
  postgresUrl: string | undefined;
  out: string | undefined;
  json: boolean;
  thresholds: Threshold[];
  seed: number;
  dryRun: boolean;
  verbose: boolean;
  /** True when no store was named: those that cannot be had are left out, with a word, instead of an error. */
  leaveOutMissing: boolean;
}

const SECONDS_PER_UNIT = { ms: 0.001, s: 1, m: 60 } as const;

/** Values that a preset stands for; a flag that is given wins. `ci` and `full` differ by their blocks. */
const PRESET_VALUES: Record<(typeof PRESETS)[number], Readonly<Record<string, string>>> = {
  glance: { duration: '1s', warmup: '500ms', sessions: '1000' },
  quick: { scenario: 'read', servers: '3', duration: '3s', warmup: '1s', sessions: '2000' },
  ci: { repeat: '24', duration: '5s', warmup: '2s' },
  full: { repeat: '32', duration: '10s', warmup: '5s' },
};

const DEFAULTS: Readonly<Record<string, string>> = {
  store: STORES.map((store) => store.name).join(','),
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
  engine: 'autocannon',
  services: 'auto',
};

/** Options as commander gives them, by flag name in camel case; absent ones are `undefined`. */
export type RawOptions = Readonly<Record<string, string | string[] | boolean | undefined>>;

/** The configuration that these options mean. @throws BenchError USAGE, naming the first wrong value. */
export function parseConfig(raw: RawOptions, env: Readonly<Record<string, string | undefined>>): Config {
  const presetName = raw['preset'] ?? (raw['store'] === undefined ? 'glance' : undefined);
  const preset = presetName === undefined ? {} : PRESET_VALUES[oneOf('preset', presetName, PRESETS)];
  const text = (flag: string) => String(raw[flag] ?? preset[flag] ?? DEFAULTS[flag]);
  const seconds = (flag: string) => parseSeconds(flag, text(flag));
  const whole = (flag: string, min: number, max: number) => wholeNumber(flag, text(flag), min, max);
  const wholeList = (flag: string, min: number, max: number) =>
    distinct(listOf(flag, text(flag)).map((item) => wholeNumber(flag, item, min, max)));
  const url = (given: unknown, flag: string, variable: string, schemes: string[]) =>
    parseUrl(given === undefined ? variable : flag, given ?? env[variable], schemes);

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
    tier: oneOf('services', text('services'), TIERS),
    redisUrl: url(raw['redisUrl'], '--redis-url', 'REDIS_URL', ['redis:', 'rediss:']),
    postgresUrl: url(raw['postgresUrl'], '--postgres-url', 'DATABASE_URL', ['postgres:', 'postgresql:']),
    out: typeof raw['out'] === 'string' ? raw['out'] : undefined,
    json: raw['json'] === true,
    thresholds: asList(raw['threshold']).map(parseThreshold),
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
  const url = { redis: config.redisUrl, postgres: config.postgresUrl };
  if (config.tier !== 'url') return;
  for (const { store, options } of config.stores) {
    const service = STORES.find((definition) => definition.name === store)?.service(options);
    if (service !== undefined && url[service] === undefined) {
      throw usage(
        `--${service}-url with --services url and --store ${store}`,
        'no URL',
        `Add --${service}-url.`,
      );
    }
  }
}

/** `redis`, or with options `redis:write=lww;read=getex`. */
function parseStoreChoice(text: string): StoreChoice {
  const [name = '', ...rest] = text.split(':');
  const store = oneOf('store', name, STORES.map((definition) => definition.name) as [string, ...string[]]);
  const definition = STORES.find((candidate) => candidate.name === store) as StoreDefinition;
  const options = defaultOptions(definition);
  const given = rest.join(':');
  for (const pair of given === '' ? [] : given.split(/[;+]/)) {
    const [key = '', value = ''] = pair.split('=');
    const known = Object.keys(definition.options);
    if (known.length === 0) throw usage(`no options of ${store}`, pair, `Write --store ${store}.`);
    const option = definition.options[oneOf(`store ${store}:`, key, known as [string, ...string[]])];
    options[key] = oneOf(`store ${store}:${key}=`, value, option?.values ?? ['']);
  }
  return { store, options };
}

function listOf(flag: string, text: string): string[] {
  const items = text.split(',').map((item) => item.trim());
  if (items.includes(''))
    throw usage(`values separated by commas for --${flag}`, quoted(text), 'Remove the empty one.');
  return [...new Set(items)];
}

/** Without what means the same as one before it, however it was spelt. */
function distinct<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

function oneOf<const T extends readonly string[]>(flag: string, value: unknown, values: T): T[number] {
  const parsed = z.enum(values as unknown as [string, ...string[]]).safeParse(value);
  if (parsed.success) return parsed.data as T[number];
  const text = String(value);
  const near = nearest(text, values);
  const remedy = near === undefined ? `Correct --${flag}.` : `Did you mean ${near}?`;
  throw usage(`--${flag} to be one of ${values.join(', ')}`, quoted(text), remedy);
}

function wholeNumber(flag: string, text: string, min: number, max: number): number {
  const schema = z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(min).max(max));
  const parsed = schema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw usage(`a whole number from ${min} to ${max} for --${flag}`, quoted(text), `Correct --${flag}.`);
}

function parseSeconds(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text);
  const seconds =
    match === null ? Number.NaN : Number(match[1]) * SECONDS_PER_UNIT[match[2] as 'ms' | 's' | 'm'];
  if (seconds >= 0.1 && seconds <= 3600) return seconds;
  const near = /^\d+$/.test(text) ? `Did you mean ${text}s?` : 'Write for example 10s, 500ms or 2m.';
  throw usage(`a duration with its unit, from 100ms to 60m, for --${flag}`, quoted(text), near);
}

function parseUrl(source: string, value: unknown, schemes: string[]): string | undefined {
  if (value === undefined || value === '') return undefined;
  const text = String(value);
  if (URL.canParse(text) && schemes.includes(new URL(text).protocol)) return text;
  throw usage(
    `a URL that begins with ${schemes[0]}// in ${source}`,
    quoted(redactUrl(text)),
    `Correct ${source}.`,
  );
}

function asList(value: RawOptions[string]): string[] {
  if (Array.isArray(value)) return value;
  return typeof value === 'string' ? [value] : [];
}

/** The word that was probably meant; `undefined` when none is close. */
export function nearest(text: string, words: readonly string[]): string | undefined {
  if (words.length === 0) return undefined;
  const word = closest(text, [...words]);
  const prefix = words.find((candidate) => text !== '' && candidate.startsWith(text));
  return distance(text, word) <= Math.max(2, word.length / 3) ? word : prefix;
}

const quoted = (text: string) => `"${redactUrl(text).slice(0, 80)}"`;

/** A wrong flag or value: exit code 2, nothing started. */
export function usage(expected: string, got: string, remedy: string): BenchError {
  return new BenchError({ code: 'USAGE', expected, got, remedy });
}
