/** How to name external services: a flag for each service of the registry, or variables of the environment. */

import { findStore, SERVICES } from '../../stores/registry.ts';
import type { ServiceDefinition } from '../../stores/service.ts';
import { readServiceUrl, type UrlRules } from '../../stores/service-url.ts';
import { type Flag, type FlagTable, flagsOf, parseFlags } from './flag.ts';
import type { StoreChoice } from './store-choice.ts';
import { type RawOptions, usage } from './values.ts';

/** URLs of external services, by the name of the service. They contain credentials: never for people or files. */
export type ServiceUrls = Readonly<Record<string, string>>;

/** A flag for each service. @param more further help in this command. */
function serviceFlags(more = ''): Readonly<Record<string, Flag<string | undefined>>> {
  return Object.fromEntries(SERVICES.map((service) => [service.name, flagOf(service, more)]));
}

function flagOf(service: ServiceDefinition, more: string): Flag<string | undefined> {
  const { name, title } = service;
  return {
    spelling: `--${name}-url <url>`,
    help: `an external ${title}${more}`,
    scope: 'view',
    parse: (given) =>
      given === undefined || given === '' ? undefined : checked(String(given), service, `--${name}-url`),
  };
}

/** @throws BenchError USAGE, which shows no part of a URL that cannot be read. */
function checked(text: string, { url: rules }: ServiceDefinition, source: string): string {
  const read = readServiceUrl(text, rules);
  if ('url' in read) return read.url;
  const { expected, got, remedy } = read.fault;
  const owner = SERVICES.find(({ url }) => url !== rules && isOf(text, url));
  const elsewhere = owner && `That is a URL of ${owner.title}: write --${owner.name}-url.`;
  throw usage(`${expected} in ${source}`, got, elsewhere ?? remedy);
}

/** Whether it begins as the URLs of a service do, and is one. */
const isOf = (text: string, rules: UrlRules) =>
  rules.schemes.some((scheme) => text.trim().toLowerCase().startsWith(`${scheme}//`)) &&
  'url' in readServiceUrl(text, rules);

const USE_ENV_URLS: Flag<boolean> = flagsOf('view').yes(
  '--use-env-urls',
  `load the services that ${listText(SERVICES.map(({ url }) => url.variable))} name, where no flag does`,
);

/** Inserts these flags into a table, after the one of the tier. */
export function withServiceFlags(table: FlagTable, more?: string): FlagTable {
  const entries = Object.entries(table);
  const at = entries.findIndex(([name]) => name === 'tier') + 1;
  return Object.fromEntries([
    ...entries.slice(0, at),
    ...Object.entries(serviceFlags(more)),
    ['useEnvUrls', USE_ENV_URLS],
    ...entries.slice(at),
  ]);
}

/**
 * The URLs that flags name, and with `--use-env-urls` those of the environment for services that are needed: a variable
 * of another program may name a database that nobody wants to load.
 * @param needed names of services.
 * @throws BenchError USAGE
 */
export function parseServiceUrls(
  raw: RawOptions,
  env: Readonly<Record<string, string | undefined>>,
  needed: readonly string[],
): ServiceUrls {
  const given = parseFlags(serviceFlags(), raw);
  const isAsked = parseFlags({ asked: USE_ENV_URLS }, raw).asked;
  const urls = SERVICES.flatMap((service): [string, string][] => {
    const { name, url } = service;
    const flag = given[name];
    if (flag !== undefined) return [[name, flag]];
    const variable = env[url.variable];
    if (!isAsked || !variable || !needed.includes(name)) return [];
    return [[name, checked(variable, service, url.variable)]];
  });
  return Object.fromEntries(urls);
}

/** The services of these backends. */
export function servicesOf(stores: readonly Pick<StoreChoice, 'store' | 'options'>[]): string[] {
  return stores.flatMap(({ store, options }) => findStore(store)?.service(options)?.name ?? []);
}

function listText(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
