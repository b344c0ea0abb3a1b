/**
 * How a primary is named by its Sentinels, `redis-sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME/DATABASE`. User and
 * password are those of Redis. Further Sentinels stand in the option `sentinels`, for a URL has one host.
 */

import type { UrlFault } from '../service-url.ts';

export const SENTINEL_SCHEME = 'redis-sentinel:';
export const SENTINEL_OPTION = 'sentinels';
const DEFAULT_PORT = 26_379;
const EXAMPLE = 'redis-sentinel://HOST:PORT,HOST:PORT/NAME';

export interface SentinelAddress {
  host: string;
  port: number;
}

export interface NamedPrimary {
  sentinels: SentinelAddress[];
  /** Of the primary, as in `sentinel monitor NAME`. */
  name: string;
  /** Number of the database, as text; empty for 0. */
  database: string;
}

/** `redis+sentinel:` (redis-sentinel-url, kombu), and `#NAME` (Lettuce, whose path is the database). */
const SENTINEL = /^(?:redis|valkey)[-+]sentinel:\/\/([^/?#]*@)?([^@/?#]*)([^?#]*)(\?[^#]*)?(?:#([^#]*))?$/i;

/** The one spelling of a URL of Sentinels; `undefined` for another URL. */
export function asSentinelUrl(text: string): string | undefined {
  const match = SENTINEL.exec(text);
  if (match === null) return undefined;
  const [, credentials = '', hosts = '', path = '', query = '', fragment] = match;
  const [first = '', ...others] = hosts.split(',');
  const named = fragment === undefined ? path : `/${fragment}${path}`;
  const options = new URLSearchParams(query);
  // Given twice, it is refused.
  if (others.length > 0) options.append(SENTINEL_OPTION, others.join(','));
  const rest = options.size === 0 ? '' : `?${String(options).replaceAll('%2C', ',').replaceAll('%3A', ':')}`;
  return `${SENTINEL_SCHEME}//${credentials}${first}${named}${rest}`;
}

/** What a URL of Sentinels names; `undefined` for another URL. */
export function primaryOf(text: string): NamedPrimary | undefined {
  const url = new URL(text);
  if (url.protocol !== SENTINEL_SCHEME) return undefined;
  const [, name = '', database = ''] = url.pathname.split('/');
  const others = url.searchParams.get(SENTINEL_OPTION)?.split(',') ?? [];
  const hosts = [url.host, ...others].map((host) => new URL(`${SENTINEL_SCHEME}//${host}`));
  return {
    sentinels: hosts.map(({ hostname, port }) => ({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? DEFAULT_PORT : Number(port),
    })),
    name: decodeURIComponent(name),
    database,
  };
}

/** What is wrong with a URL of Sentinels. */
export function sentinelFault({ pathname, searchParams }: URL): UrlFault | undefined {
  const [, name = '', database = '', ...more] = pathname.split('/');
  if (name === '' || more.length > 0 || !/^\d{0,4}$/.test(database)) {
    const got = name === '' ? 'none' : 'something else';
    return {
      expected: 'the name of the primary as the path, and the number of a database behind it',
      got,
      remedy: `Write ${EXAMPLE}, or ${EXAMPLE}/1; redis-cli -p ${DEFAULT_PORT} SENTINEL MASTERS shows the name.`,
    };
  }
  const others = searchParams.get(SENTINEL_OPTION)?.split(',') ?? [];
  if (others.every(isHost)) return undefined;
  return { expected: 'hosts and ports of Sentinels', got: 'something else', remedy: `Write ${EXAMPLE}.` };
}

function isHost(text: string): boolean {
  if (!URL.canParse(`${SENTINEL_SCHEME}//${text}`)) return false;
  const { host, port } = new URL(`${SENTINEL_SCHEME}//${text}`);
  return host !== '' && host === text && port !== '0';
}
