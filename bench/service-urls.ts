/** How external services are named: a flag and an environment variable for each service of the registry. */

import { SERVICES } from '../stores/registry.ts';
import type { ServiceDefinition } from '../stores/service.ts';
import { parseUrl, type RawOptions } from './values.ts';

/** URLs of external services, by the name of the service. They hold credentials: never for people or files. */
export type ServiceUrls = Readonly<Record<string, string>>;

/** The flag as commander names it: `redisUrl`. */
const optionOf = ({ name }: ServiceDefinition) =>
  `${name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())}Url`;

/** Flags as commander names them. */
export const URL_OPTIONS: readonly string[] = SERVICES.map(optionOf);

/** Flags with their help. @param more what else is to be said in this command. */
export function serviceUrlFlags(more = ''): [flag: string, help: string][] {
  return SERVICES.map(({ name, title, url }) => [
    `--${name}-url <url>`,
    `a ${title} that runs already (or ${url.variable})${more}`,
  ]);
}

/** The URLs that are given. @throws BenchError USAGE for one of another scheme. */
export function parseServiceUrls(
  raw: RawOptions,
  env: Readonly<Record<string, string | undefined>>,
): ServiceUrls {
  const urls = SERVICES.flatMap((service) => {
    const { name, url } = service;
    const given = raw[optionOf(service)];
    const source = given === undefined ? url.variable : `--${name}-url`;
    const parsed = parseUrl(source, given ?? env[url.variable], url.schemes);
    return parsed === undefined ? [] : [[name, parsed] as const];
  });
  return Object.fromEntries(urls);
}
