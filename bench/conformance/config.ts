import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { defaultOptions } from '../../stores/options.ts';
import { STORES } from '../../stores/registry.ts';
import type { Durability, StoreDefinition } from '../../stores/store.ts';
import { AFFINITIES, DURABILITIES, parseStoreChoice, type StoreChoice, TIERS } from '../config.ts';
import { BenchError, messageOf } from '../errors.ts';
import { parseServiceUrls, type ServiceUrls } from '../service-urls.ts';
import { distinct, listOf, oneOf, parseUrl, quoted, type RawOptions, usage, wholeNumber } from '../values.ts';
import { isCheckId } from './catalogue.ts';
import { type Contract, contractSchema } from './contract.ts';

/** What is to be looked at. */
export interface ConformanceConfig {
  stores: readonly StoreChoice[];
  servers: number;
  balancers: readonly (typeof CONFORMANCE_BALANCERS)[number][];
  affinities: readonly (typeof AFFINITIES)[number][];
  durability: Durability;
  /** Ids of checks; `undefined` means all. */
  only: readonly string[] | undefined;
  tries: number;
  seed: number;
  tier: (typeof TIERS)[number];
  urls: ServiceUrls;
  /** A site that somebody else runs. */
  foreign: { target: string; contract: Contract } | undefined;
  json: boolean;
  markdown: string | undefined;
}

export const CONFORMANCE_BALANCERS = ['auto', 'haproxy', 'nginx', 'node'] as const;

const DEFAULTS: Readonly<Record<string, string>> = {
  store: STORES.filter(keepsSessions)
    .map(({ name }) => name)
    .join(','),
  servers: '3',
  balancer: 'auto',
  affinity: 'sticky,round-robin',
  durability: 'second',
  services: 'auto',
  tries: '20',
};

/** What these options mean. @throws BenchError USAGE or CONFLICT, naming the first wrong value. */
export function parseConformance(
  raw: RawOptions,
  env: Readonly<Record<string, string | undefined>>,
): ConformanceConfig {
  const text = (flag: string) => String(raw[flag] ?? DEFAULTS[flag]);
  const words = <const T extends readonly string[]>(flag: string, values: T) =>
    distinct(listOf(flag, text(flag)).map((item) => oneOf(flag, item, values)));
  const foreign = foreignOf(raw);
  return {
    stores: storesOf(text('store')),
    servers: wholeNumber('servers', text('servers'), 1, 16),
    balancers: words('balancer', CONFORMANCE_BALANCERS),
    affinities: words('affinity', AFFINITIES),
    durability: oneOf('durability', text('durability'), DURABILITIES),
    only: onlyOf(raw['only']),
    tries: wholeNumber('tries', text('tries'), 9, 10_000),
    seed:
      raw['seed'] === undefined
        ? Math.floor(Math.random() * 2 ** 31)
        : wholeNumber('seed', String(raw['seed']), 0, 2 ** 32 - 1),
    tier: oneOf('services', text('services'), TIERS),
    urls: parseServiceUrls(raw, env),
    foreign,
    json: raw['json'] === true,
    markdown: typeof raw['markdown'] === 'string' ? raw['markdown'] : undefined,
  };
}

/** @throws BenchError USAGE, also for the control: without sessions there is nothing to look at. */
function storesOf(text: string): StoreChoice[] {
  const choices = distinct(listOf('store', text).map(parseStoreChoice));
  const names = STORES.filter(keepsSessions).map(({ name }) => name);
  const control = choices.find(({ store }) => !names.includes(store));
  if (control === undefined) return choices;
  throw usage(`backends that keep sessions, of ${names.join(', ')}`, quoted(control.store), 'Leave it out.');
}

function keepsSessions(definition: StoreDefinition): boolean {
  return definition.declaredTraits(defaultOptions(definition), 'second').state !== 'nowhere';
}

function onlyOf(value: RawOptions[string]): string[] | undefined {
  if (value === undefined) return undefined;
  const ids = listOf('only', String(value));
  const unknown = ids.find((id) => !isCheckId(id));
  if (unknown === undefined) return ids;
  throw usage(
    'numbers of checks, from 1 to 50, such as 14 or 2a, for --only',
    quoted(unknown),
    'Correct --only.',
  );
}

/** What says how our own sites are started has no meaning for somebody else's. */
const OWN_FLAGS = ['store', 'servers', 'balancer', 'affinity', 'durability', 'services'] as const;

function foreignOf(raw: RawOptions): ConformanceConfig['foreign'] {
  const { target, contract } = raw;
  if (target === undefined && contract === undefined) return undefined;
  if (target === undefined || contract === undefined) {
    const [given, missing] = target === undefined ? ['contract', 'target'] : ['target', 'contract'];
    throw new BenchError({
      code: 'CONFLICT',
      expected: '--target URL and --contract FILE together',
      got: `--${given} alone`,
      remedy: `Add --${missing}; docs/conformance.md has an example of a contract.`,
    });
  }
  const own = OWN_FLAGS.find((flag) => raw[flag] !== undefined);
  if (own !== undefined) {
    throw new BenchError({
      code: 'CONFLICT',
      expected: 'no flag for sites of our own with --target',
      got: `--${own}`,
      remedy: `Leave --${own} out: the contract says what the target is.`,
    });
  }
  const url = parseUrl('--target', target, ['http:']);
  if (url === undefined)
    throw usage('a URL for --target', 'none', 'Write for example --target http://127.0.0.1:8080.');
  return { target: url, contract: readContract(String(contract)) };
}

/** @throws BenchError USAGE naming the first field that is wrong. */
function readContract(path: string): Contract {
  let given: unknown;
  try {
    given = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw usage(`a contract as JSON in ${quoted(path)}`, messageOf(error), 'Correct --contract.');
  }
  const parsed = contractSchema.safeParse(given);
  if (parsed.success) {
    const { survivesStoreCrash, ...traits } = parsed.data.traits;
    return { ...parsed.data, traits: { ...traits, survivesStoreCrash } };
  }
  const [issue] = parsed.error.issues as z.core.$ZodIssue[];
  const where = issue?.path.join('.') || 'the whole';
  throw usage(
    `a contract in ${quoted(path)} whose fields are those of docs/conformance.md`,
    `${where}: ${issue?.message ?? 'something else'}`,
    'Correct the file.',
  );
}
