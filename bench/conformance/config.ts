import { CONTROL, LISTED_STORES, SESSION_STORES } from '../../stores/registry.ts';
import type { Durability } from '../../stores/store.ts';
import { checkComparators } from '../config/comparators.ts';
import { checkTls } from '../config/config.ts';
import { flagsOf, parseFlags, text, whole, words } from '../config/flag.ts';
import { RUN_FLAGS } from '../config/flags.ts';
import { checkInner } from '../config/inner.ts';
import { parseServiceUrls, type ServiceUrls, servicesOf } from '../config/service-urls.ts';
import { OUTPUT_FLAGS, REPORT_FLAGS, SEED_FLAG } from '../config/shared-flags.ts';
import { SITE_FLAGS } from '../config/sites.ts';
import type { StoreChoice } from '../config/store-choice.ts';
import { bindModules } from '../config/store-module.ts';
import { listOf, quoted, type RawOptions, usage } from '../config/values.ts';
import type { AFFINITIES, Tier, TRANSPORTS } from '../config/words.ts';
import { isCheckId, LAST_NUMBER } from './catalogue.ts';
import { type External, externalOf } from './external-config.ts';

/** The configuration of a run. */
export interface ConformanceConfig {
  stores: readonly StoreChoice[];
  servers: number;
  balancers: readonly (typeof CONFORMANCE_BALANCERS)[number][];
  /** Whether the balancer terminates TLS. */
  tls: boolean;
  affinities: readonly (typeof AFFINITIES)[number][];
  transport: (typeof TRANSPORTS)[number];
  durability: Durability;
  /** Ids of checks; `undefined` means all. */
  only: readonly string[] | undefined;
  tries: number;
  seed: number;
  tier: Tier | 'auto';
  urls: ServiceUrls;
  /** An external site. */
  external: External | undefined;
  json: boolean;
  markdown: string | undefined;
}

const CONFORMANCE_BALANCERS = ['auto', 'haproxy', 'nginx', 'node'] as const;

const { value, optional } = flagsOf('run');
const STORE_NAMES = SESSION_STORES.map(({ name }) => name);
const LISTED_NAMES = LISTED_STORES.map(({ name }) => name).filter((name) => STORE_NAMES.includes(name));

/** The flags of `pnpm conformance`, except the URLs of services. */
export const CONFORMANCE_FLAGS = {
  stores: value(
    '--store <names>',
    RUN_FLAGS.stores.help,
    LISTED_NAMES.join(','),
    { parse: storesOf, isList: true },
    { fallbackHelp: 'all but the control and those that are only measured on request' },
  ),
  servers: value('--servers <count>', 'server processes', '3', whole(1, 16)),
  balancers: value('--balancer <names>', RUN_FLAGS.balancer.help, 'auto', words(CONFORMANCE_BALANCERS)),
  tls: RUN_FLAGS.tls,
  affinities: { ...RUN_FLAGS.affinities, fallback: 'sticky,round-robin', fallbackHelp: 'both' },
  transport: RUN_FLAGS.transport,
  durability: RUN_FLAGS.durability,
  only: optional(
    '--only <ids>',
    'numbers of checks, such as 14,15 or 2a',
    { parse: onlyOf, isList: true },
    { fallbackHelp: 'all' },
  ),
  tries: value('--tries <count>', 'tries of each race, at least 9', '20', whole(9, 10_000)),
  target: optional(
    '--target <url>',
    'an external site instead of ours, http or https; needs --contract',
    text,
  ),
  contract: optional('--contract <file>', 'its endpoints and its properties, as JSON', text),
  initContract: optional(
    '--init-contract <url>',
    'print a first contract of the site whose login is there',
    text,
  ),
  ca: SITE_FLAGS.ca,
  insecure: SITE_FLAGS.insecure,
  connectTo: SITE_FLAGS.connectTo,
  service: RUN_FLAGS.service,
  tier: RUN_FLAGS.tier,
  json: { ...OUTPUT_FLAGS.json, help: 'cells as a JSON array on standard output instead of the matrix' },
  markdown: { ...REPORT_FLAGS.markdown, help: 'also write the matrix as Markdown; replaces the file' },
  seed: { ...SEED_FLAG, fallbackHelp: 'random; printed' },
  verbose: OUTPUT_FLAGS.verbose,
  color: OUTPUT_FLAGS.color,
};

/** Parses the options. @throws BenchError USAGE or CONFLICT, for the first wrong value. */
export function parseConformance(
  raw: RawOptions,
  env: Readonly<Record<string, string | undefined>>,
): ConformanceConfig {
  const external = externalOf(raw);
  const { service, ...given } = parseFlags(CONFORMANCE_FLAGS, raw);
  const parsed = {
    ...given,
    stores: external === undefined ? bindModules(given.stores, service) : given.stores,
  };
  checkTls(parsed.tls, parsed.balancers);
  checkInner(parsed.stores, [], undefined);
  checkComparators({ ...parsed, scenarios: [] });
  return {
    ...parsed,
    urls: parseServiceUrls(raw, env, external === undefined ? servicesOf(parsed.stores) : []),
    external,
  };
}

/** @throws BenchError USAGE, also for the control: without sessions there is nothing to check. */
function storesOf(given: string): StoreChoice[] {
  const choices = RUN_FLAGS.stores.parse(given, 'store');
  const control = choices.find(({ store }) => store === CONTROL.name);
  if (control === undefined) return choices;
  throw usage(
    `backends that keep sessions, of ${STORE_NAMES.join(', ')}`,
    quoted(control.store),
    'Leave it out.',
  );
}

function onlyOf(given: string): string[] {
  const ids = listOf('only', given);
  const unknown = ids.find((id) => !isCheckId(id));
  if (unknown === undefined) return ids;
  throw usage(
    `numbers of checks, from 1 to ${LAST_NUMBER}, such as 14 or 2a, for --only`,
    quoted(unknown),
    'Correct --only.',
  );
}
