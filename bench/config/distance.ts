/** `--store-distance`: what it may be, and which services it can be of. */

import { findStore } from '../../stores/registry.ts';
import type { ServiceDefinition } from '../../stores/service.ts';
import { isSocket } from '../../stores/service-url.ts';
import type { Kind } from './flag.ts';
import type { ServiceUrls } from './service-urls.ts';
import type { StoreChoice } from './store-choice.ts';
import { conflict, parseSeconds } from './values.ts';

/** Stores give up on a reply after 300 ms, and some operations take several round trips. */
const MOST_SECONDS = 0.05;

/** A round trip to the service such as 2ms, in milliseconds; 0ms is through the relay without delay. */
export const distance: Kind<number> = {
  parse: (text, name) => Math.round(parseSeconds(name, text, 0, MOST_SECONDS) * 1e6) / 1e3,
};

/**
 * Whether a relay can stand between servers and services.
 * @throws BenchError CONFLICT for backends of which none has a service, or a URL that is not of one server by plain TCP.
 */
export function checkDistance(
  stores: readonly StoreChoice[],
  urls: ServiceUrls,
  distancesMs: readonly number[] | undefined,
): void {
  if (distancesMs === undefined) return;
  const services = stores.flatMap(({ store, options }) => findStore(store)?.service(options) ?? []);
  if (services.length === 0) {
    const remedy = 'Add a backend with a service, or leave --store-distance out.';
    const got = stores.map(({ store }) => store).join(', ');
    throw conflict('a backend with a service with --store-distance', got, remedy);
  }
  for (const service of services) {
    const url = urls[service.name];
    if (url !== undefined) checkRelayed(service, new URL(url));
  }
}

/** A relay would not be asked at all, or certificates would not be of its address. */
function checkRelayed({ name, url: rules }: ServiceDefinition, url: URL): void {
  const [scheme] = rules.schemes;
  const [option] = url.searchParams.keys();
  const { plainSchemes = rules.schemes } = rules;
  const got = isSocket(url)
    ? 'a socket'
    : !plainSchemes.includes(url.protocol)
      ? `one that begins with ${url.protocol}//`
      : option !== undefined
        ? `one with ?${option}=`
        : url.port === ''
          ? 'one without a port'
          : undefined;
  if (got === undefined) return;
  const expected = `a --${name}-url of one server by TCP, without TLS and options, with --store-distance`;
  throw conflict(expected, got, `Write ${scheme}//USER:PASSWORD@HOST:PORT, or leave --store-distance out.`);
}

/** A cluster names the addresses of its nodes, which clients then ask without the relay. @throws BenchError CONFLICT */
export function checkOneServer(name: string, servers: number | undefined, distancesMs: unknown): void {
  if (distancesMs === undefined || servers === undefined) return;
  const remedy = 'Name a server that is not of a cluster, or leave --store-distance out.';
  throw conflict(`one ${name} with --store-distance`, `a cluster of ${servers}`, remedy);
}
