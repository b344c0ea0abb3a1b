import { hostOf, isSocket, socketHost, type UrlFault, type UrlRules } from '../service-url.ts';

const CREDENTIALS = 'Write user and password before the path: unix://USER:PASSWORD@/run/redis.sock.';

export const REDIS_URL: UrlRules = {
  schemes: ['redis:', 'rediss:'],
  options: ['family'],
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
  faultOf: (url) => socketFault(url) ?? databaseFault(url) ?? familyFault(url),
};

/** How others write a socket: redis-py, redis-rb, go-redis (unix:), redis-rs (redis+unix:), kombu, Lettuce, ioredis. Its path may not hold `:` or `@`: then it is a password that was mistyped. */
const SOCKET =
  /^(?:(?:(?:redis\+)?unix|redis\+socket|redis-socket):(?:\/\/([^@/?#]*@)?)?|redis:\/\/([^@/?#]*@)?(?!\/\d*(?:[?#]|$)))?(\/[^/?#@:][^?#@:]*)(?:\?([^#]*))?$/i;

/** The number of the database, in the query of a socket. */
const DATABASE_OPTIONS = ['db', 'database', 'virtual_host'];

function withSocketAsHost(text: string): string {
  const given = text.replace(/^valkey(?=s?:|\+unix:)/i, 'redis');
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
