import { hostOf, isSocket, socketHost, type UrlFault, type UrlRules } from '../service-url.ts';

const DEFAULT_PORT = 11_211;
const CREDENTIALS = 'Write user and password before the host: memcached://USER:PASSWORD@HOST:PORT.';

export const MEMCACHED_URL: UrlRules = {
  schemes: ['memcached:'],
  options: [],
  refused: Object.fromEntries(
    ['user', 'username', 'pass', 'password'].map((name) => [name, CREDENTIALS] as const),
  ),
  otherSchemes: [
    [/^memcache(?:d?s|d?\+(?:tls|ssl)):$|^(?:tls|ssl):$/, 'Write memcached://: TLS is not supported.'],
    [/^unix:$/, 'Write unix:///run/memcached.sock, with three slashes.'],
    [/^(?:tcp|memcached?\+sasl):$/, 'Write memcached://HOST:PORT.'],
  ],
  rewrite: withSocketAsHost,
  faultOf: (url) => listFault(url) ?? socketFault(url) ?? pathFault(url) ?? loginFault(url),
};

/** A socket: its path after the scheme, with or without credentials; other clients write `unix:`. */
const SOCKET = /^(?:memcached|unix):\/\/([^@/?#]*@)?(\/[^?#@:]+)$/i;
/** Several servers, which other clients spread keys over, each with its port. */
const PORT_IN_LIST = /:\d+(?=,)|(?<=,[^/?#]*):\d+/g;

function withSocketAsHost(text: string): string {
  const given = text.replace(/^memcache(?=:\/\/)/i, 'memcached');
  const [, login = '', path] = SOCKET.exec(given) ?? [];
  if (path !== undefined) return `memcached://${login}${socketHost(path)}`;
  return given.includes(',') ? given.replace(PORT_IN_LIST, '') : given;
}

/** Where a checked URL leads, for `net.connect`. */
export function addressOf(url: string): { path: string } | { host: string; port: number } {
  const parsed = new URL(url);
  if (isSocket(parsed)) return { path: hostOf(parsed) };
  return { host: hostOf(parsed), port: Number(parsed.port || DEFAULT_PORT) };
}

/** User and password of a checked URL; `undefined` where it has none. */
export function loginOf(url: string): { user: string; password: string } | undefined {
  const { username, password } = new URL(url);
  if (username === '' && password === '') return undefined;
  return { user: decodeURIComponent(username), password: decodeURIComponent(password) };
}

function listFault(url: URL): UrlFault | undefined {
  if (!hostOf(url).includes(',')) return undefined;
  const remedy = 'Name one: a login and the list of its user would be on two.';
  return { expected: 'the URL of one server', got: 'several', remedy };
}

function socketFault(url: URL): UrlFault | undefined {
  if (!isSocket(url) || url.port === '') return undefined;
  return { expected: 'a socket without a port', got: 'one with it', remedy: 'Leave the port out.' };
}

function pathFault({ pathname }: URL): UrlFault | undefined {
  if (pathname === '' || pathname === '/') return undefined;
  const remedy = 'Leave it out: Memcached has no databases.';
  return { expected: 'a URL without a path', got: 'one with it', remedy };
}

/** They are sent as `user password`, and kept in a file of lines `user:password`. */
function loginFault({ href }: URL): UrlFault | undefined {
  const { user = '', password = '' } = loginOf(href) ?? {};
  if (user === '' && password === '') return undefined;
  if (user === '' || password === '')
    return { expected: 'a user and a password', got: 'one of the two', remedy: CREDENTIALS };
  if (!/[\s:]/.test(user) && !/\s/.test(password)) return undefined;
  const remedy = 'Choose another: Memcached could not tell where it ends.';
  return {
    expected: 'a user without spaces and colons, and a password without spaces',
    got: 'others',
    remedy,
  };
}
