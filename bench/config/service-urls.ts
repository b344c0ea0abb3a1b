/** How to name external services: a flag and an environment variable for each service of the registry. */

import { SERVICES } from '../../stores/registry.ts';
import type { ServiceDefinition } from '../../stores/service.ts';
import { type Flag, type FlagTable, parseFlags } from './flag.ts';
import { parseUrl, type RawOptions } from './values.ts';

/** URLs of external services, by the name of the service. They contain credentials: never for people or files. */
export type ServiceUrls = Readonly<Record<string, string>>;

/** A flag for each service. @param more further help in this command. */
function serviceFlags(more = ''): Readonly<Record<string, Flag<string | undefined>>> {
  return Object.fromEntries(SERVICES.map((service) => [service.name, flagOf(service, more)]));
}

function flagOf({ name, title, url }: ServiceDefinition, more: string): Flag<string | undefined> {
  const { variable, schemes } = url;
  return {
    spelling: `--${name}-url <url>`,
    help: `an external ${title}${more}`,
    variable,
    scope: 'view',
    parse: (given, source) => parseUrl(source === variable ? source : `--${source}`, given, schemes),
  };
}

/** Inserts these flags into a table, after the one of the tier. */
export function withServiceFlags(table: FlagTable, more?: string): FlagTable {
  const entries = Object.entries(table);
  const at = entries.findIndex(([name]) => name === 'tier') + 1;
  return Object.fromEntries([
    ...entries.slice(0, at),
    ...Object.entries(serviceFlags(more)),
    ...entries.slice(at),
  ]);
}

/** The URLs that were passed. @throws BenchError USAGE for another scheme. */
export function parseServiceUrls(
  raw: RawOptions,
  env: Readonly<Record<string, string | undefined>>,
): ServiceUrls {
  const urls = Object.entries(parseFlags(serviceFlags(), raw, { env }));
  return Object.fromEntries(urls.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
