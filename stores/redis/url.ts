import type { RedisOptions } from 'ioredis';
import { hostOf, isSocket, socketHost, type UrlFault, type UrlRules } from '../service-url.ts';
import { asSentinelUrl, primaryOf, SENTINEL_OPTION, SENTINEL_SCHEME, sentinelFault } from './sentinel-url.ts';

const CREDENTIALS = 'Write user and password before the path: unix://USER:PASSWORD@/run/redis.sock.';

export const REDIS_URL: UrlRules = {
  schemes: ['redis:', 'rediss:', SENTINEL_SCHEME],
  plainSchemes: ['redis:'],
  options: ['family', SENTINEL_OPTION],
  refused: {
    db: 'Write the number of the database after the host: redis://HOST:PORT/1.',
    ...Object.fromEntries(['user', 'username', 'pass', 'password'].map((name) => [name, CREDENTIALS])),
  },
  otherSchemes: [
    [/^(?:(?:redis|valkey)[-+])?(?:tls|ssl):$/, 'Write rediss://HOST:PORT, which is Redis by TLS.'],
    [/^(?:redis|valkey)s[-+](?:unix|socket):$/, 'Write redis:///run/redis.sock: a socket has no TLS.'],
    [/^unix:$/, 'Write unix:///run/redis.sock, with three slashes.'],
    [/^(?:tcp|keydb|dragonfly|garnet|kvrocks|redict):$/, 'Write redis://HOST:PORT.'],
  ],
  rewrite: withSocketAsHost,
  faultOf: (url) =>
    (url.protocol === SENTINEL_SCHEME ? sentinelFault(url) : serverFault(url)) ?? familyFault(url),
};

/** How others write a socket: redis-py, redis-rb, go-redis (unix:), redis-rs (redis+unix:), kombu, Lettuce, ioredis. Its path may not hold `:` or `@`: then it is a password that was mistyped. */
const SOCKET =
  /^(?:(?:(?:redis\+)?unix|redis\+socket|redis-socket):(?:\/\/([^@/?#]*@)?)?|redis:\/\/([^@/?#]*@)?(?!\/\d*(?:[?#]|$)))?(\/[^/?#@:][^?#@:]*)(?:\?([^#]*))?$/i;

/** A cluster is found by any of its nodes. */
const ONE_NODE = /^redis[-+]cluster:\/\/((?:[^/?#]*@)?[^@,/?#]*(?:[/?].*)?)$/i;

/** The number of the database, in the query of a socket. */
const DATABASE_OPTIONS = ['db', 'database', 'virtual_host'];

function withSocketAsHost(text: string): string {
  const sentinel = asSentinelUrl(text);
  if (sentinel !== undefined) return sentinel;
  const given = text.replace(/^valkey(?=s?:|\+unix:|[-+]cluster:)/i, 'redis').replace(ONE_NODE, 'redis://$1');
  const match = SOCKET.exec(given);
  if (match === null) return given;
  const [, withScheme, withRedis, path = '', query] = match;
  const options = new URLSearchParams(query);
  const name = DATABASE_OPTIONS.find((one) => options.getAll(one).length === 1);
  const database = name === undefined ? '' : `/${encodeURIComponent(options.get(name) ?? '')}`;
  if (name !== undefined) options.delete(name);
  const rest = options.size === 0 ? '' : `?${options}`;
  return `redis://${withScheme ?? withRedis ?? ''}${socketHost(path)}${database}${rest}`;
}

/** What the driver needs beside the URL, where that names a socket. */
export function socketOf(url: string): { path?: string } {
  const parsed = new URL(url);
  return isSocket(parsed) ? { path: hostOf(parsed) } : {};
}

type Address = Pick<
  RedisOptions,
  'path' | 'sentinels' | 'sentinelRetryStrategy' | 'name' | 'db' | 'username' | 'password' | 'family'
>;

/**
 * The driver's arguments for a URL.
 * @param sentinelDelayMs how long to wait, after that many rounds in which no Sentinel named a primary; `null` ends it.
 */
export function addressOf(
  url: string,
  sentinelDelayMs: (round: number) => number | null = () => null,
): { url?: string; options: Address } {
  const primary = primaryOf(url);
  if (primary === undefined) return { url, options: socketOf(url) };
  const { username, password, searchParams } = new URL(url);
  const { sentinels, name, database } = primary;
  return {
    options: {
      ...{ sentinels, name, db: Number(database), sentinelRetryStrategy: sentinelDelayMs },
      ...(username === '' ? {} : { username: decodeURIComponent(username) }),
      ...(password === '' ? {} : { password: decodeURIComponent(password) }),
      ...(searchParams.has('family') ? { family: Number(searchParams.get('family')) } : {}),
    },
  };
}

function serverFault(url: URL): UrlFault | undefined {
  if (url.searchParams.has(SENTINEL_OPTION)) {
    const remedy = `Write ${SENTINEL_SCHEME}//HOST:PORT,HOST:PORT/NAME.`;
    return { expected: 'Redis itself', got: `?${SENTINEL_OPTION}=`, remedy };
  }
  return socketFault(url) ?? databaseFault(url);
}

function socketFault(url: URL): UrlFault | undefined {
  const { protocol, hostname, pathname, port } = url;
  if (protocol === 'rediss:' && (isSocket(url) || (hostname === '' && pathname.length > 1))) {
    return {
      expected: 'a host for TLS',
      got: 'the path of a socket',
      remedy: 'Write redis:///run/redis.sock.',
    };
  }
  if (!isSocket(url) || port === '') return undefined;
  return { expected: 'a socket without a port', got: 'one with it', remedy: 'Leave the port out.' };
}

function databaseFault({ pathname }: URL): UrlFault | undefined {
  if (/^\/?$|^\/\d{1,4}$/.test(pathname)) return undefined;
  const remedy = 'Write for example redis://HOST:PORT/1, or leave the path out.';
  return { expected: 'the number of a database as the path', got: 'something else', remedy };
}

function familyFault({ searchParams }: URL): UrlFault | undefined {
  const family = searchParams.get('family');
  if (family === null || ['0', '4', '6'].includes(family)) return undefined;
  return { expected: '?family=4 or ?family=6', got: 'another value', remedy: 'Correct it, or leave it out.' };
}
