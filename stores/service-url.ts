import { domainToASCII } from 'node:url';

/**
 * Checks of the URL of a service, before anything connects: drivers differ in what they make of a doubtful one, and
 * some would connect elsewhere. Errors show no part of a URL that cannot be read.
 */

/** What is wrong with a URL: for an error. `got` shows nothing secret. */
export interface UrlFault {
  expected: string;
  got: string;
  remedy: string;
}

/** Rules of one service, beyond those of all. */
export interface UrlRules {
  schemes: readonly [string, ...string[]];
  /** Those of them that lead to the one server that is named, without TLS; all of them where absent. */
  plainSchemes?: readonly string[];
  /** Options in the query that it may have. */
  options: readonly string[];
  /** Why an option is refused, and what to write instead; others are refused as unknown. */
  refused: Readonly<Record<string, string>>;
  /** Schemes that other libraries and services have for a URL like it, and what to write instead; a message repeats them. */
  otherSchemes?: readonly (readonly [scheme: RegExp, remedy: string])[];
  /** Other spellings of a URL, such as those of sockets, as the one that is checked; other text as it is. */
  rewrite?(text: string): string;
  /** What is wrong with its path, its host or the values of its options; `undefined` when nothing is. */
  faultOf(url: URL): UrlFault | undefined;
}

const ENCODE =
  'Percent-encode what stands in user and password: % is %25, # is %23, / is %2F, ? is %3F, @ is %40, : is %3A.';

/** Schemes that a message may repeat, beside those that the rules name. */
const KNOWN_SCHEMES =
  /^(?:https?|wss?|file|unix|tcp|tls|ssl|ftp|jdbc|sqlite3?|libsql|ldaps?|amqps?|nats|kafka|srv|mongodb(?:\+srv)?|mysql(?:2|x|\+srv)?|mariadb|postgres(?:ql)?|mssql|sqlserver|oracle|(?:redis|valkey)s*(?:[-+](?:sentinel|unix|socket|cluster|tls|ssl))?|memcached?s?):$/;

/** The URL as drivers are given it, or what is wrong with it. */
export function readServiceUrl(text: string, rules: UrlRules): { url: string } | { fault: UrlFault } {
  const [scheme] = rules.schemes;
  const bare = withoutQuotes(text.trim());
  const given = rules.rewrite?.(bare) ?? bare;
  const expected = `a URL such as ${scheme}//USER:PASSWORD@HOST:PORT`;
  const own = /^([a-z][a-z0-9+.-]*:)\/\//i.exec(given)?.[1]?.toLowerCase();
  if (own === undefined) {
    const [, wrapped] = /^jdbc:([a-z\d]+):/i.exec(given) ?? [];
    if (wrapped !== undefined) return { fault: jdbcFault(wrapped.toLowerCase(), expected, rules) };
    const isWithin = /[\s='"][a-z][a-z0-9+.-]*:\/\//i.test(given);
    const remedy = isWithin
      ? 'Write the URL alone.'
      : `Begin it with ${scheme}//, as in ${scheme}//HOST:PORT.`;
    return { fault: { expected, got: 'text that is not a URL', remedy } };
  }
  if (!rules.schemes.includes(own)) {
    const other = rules.otherSchemes?.find(([pattern]) => pattern.test(own));
    // A password may stand where a scheme does.
    const isKnown = other !== undefined || KNOWN_SCHEMES.test(own);
    const got = isKnown ? `one that begins with ${own}//` : 'one that begins otherwise';
    return { fault: { expected, got, remedy: other?.[1] ?? `Write ${scheme}//.` } };
  }
  if (!URL.canParse(given) || !isDecodable(given)) {
    const remedy = hasPlace(given)
      ? ENCODE
      : `Write one host and its port, ${scheme}//USER:PASSWORD@HOST:PORT; an IPv6 address stands in brackets.`;
    return { fault: { expected, got: `${own}// and what cannot be read`, remedy } };
  }
  const url = new URL(given);
  if (!hasPlainHost(url)) return { fault: HOST_FAULT };
  const fault = hashFault(url) ?? optionFault(url, rules) ?? rules.faultOf(url) ?? hostFault(url, expected);
  return fault === undefined ? { url: url.href } : { fault };
}

/**
 * The host, without the brackets of an IPv6 address. A socket stands there as its path, percent-encoded
 * (`postgres://%2Frun%2Fpostgresql/DATABASE`, as libpq has it), which this decodes.
 */
export const hostOf = (url: URL): string => decodeURIComponent(url.hostname.replace(/^\[|\]$/g, ''));

/** Whether the host of a URL is the path of a socket. */
export const isSocket = (url: URL): boolean => hostOf(url).startsWith('/');

/** The host that stands for a socket. @param path as it was given, percent-encoded or not. */
export function socketHost(path: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(path));
  } catch (error) {
    // A percent sign of its own.
    if (error instanceof URIError) return encodeURIComponent(path);
    throw error;
  }
}

const HOST_FAULT: UrlFault = {
  expected: 'a host that is a name or an address',
  got: 'another text',
  remedy: 'Write the name in ASCII, as in xn--bcher-kva.example.',
};

/**
 * Whether the host is a name, an address or a socket. One outside ASCII, which stands there percent-encoded, is then the
 * name that the WHATWG URL Standard makes of it, as for http; drivers would look up its bytes, each in a way of its own.
 */
function hasPlainHost(url: URL): boolean {
  if (!url.hostname.includes('%') || url.hostname.includes(',') || isSocket(url)) return true;
  const host = hostOf(url);
  const ascii = /[/\\?#@:,[\]]/.test(host) ? '' : domainToASCII(host);
  if (ascii !== '') url.hostname = ascii;
  return ascii !== '';
}

/** JDBC has credentials in the query, and names of its own for options. */
function jdbcFault(name: string, expected: string, { schemes: [scheme, ...others] }: UrlRules): UrlFault {
  const isOurs = [scheme, ...others].includes(`${name}:`);
  return {
    expected,
    got: isOurs ? `one that begins with jdbc:${name}:` : 'one that begins with jdbc:',
    remedy: `Write ${scheme}//USER:PASSWORD@HOST:PORT, without jdbc: and its options.`,
  };
}

/** Files of variables that no shell reads, such as those of containers, pass quotes on. */
const withoutQuotes = (text: string) => /^(["'])(.*)\1$/s.exec(text)?.[2] ?? text;

/** Whether a URL that cannot be read names a host apart from what stands before its last @. */
function hasPlace(text: string): boolean {
  const place = text.replace(/^([^:]*:\/\/).*@/s, '$1');
  return URL.canParse(place) && new URL(place).hostname !== '';
}

/** Whether every part of the URL is correctly percent-encoded. */
function isDecodable(text: string): boolean {
  const { username, password, pathname, hostname } = new URL(text);
  try {
    for (const part of [username, password, pathname, hostname]) decodeURIComponent(part);
    return true;
  } catch (error) {
    if (error instanceof URIError) return false;
    throw error;
  }
}

function hashFault({ hash }: URL): UrlFault | undefined {
  if (hash === '') return undefined;
  return { expected: 'a URL without #', got: 'one with it', remedy: ENCODE };
}

function optionFault(url: URL, { options, refused }: UrlRules): UrlFault | undefined {
  const names = [...url.searchParams.keys()];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  const name = names.find((one) => !options.includes(one)) ?? twice;
  if (name === undefined) return undefined;
  const allowed =
    options.length === 0 ? 'a URL without options' : `a URL with no option but ${options.join(', ')}`;
  const remedy = refused[name] ?? 'Leave it out: what is measured must be what the flags say.';
  // A question mark in a password makes the rest of it an option.
  const shown = /^[a-z_]{1,30}$/i.test(name) && !url.search.includes('@') ? `?${name}=` : 'another one';
  return { expected: allowed, got: name === twice ? `${shown} twice` : shown, remedy };
}

function hostFault(url: URL, expected: string): UrlFault | undefined {
  if (url.hostname.includes(',') && !isSocket(url)) {
    return { expected: 'one host', got: 'several', remedy: 'Name one of them, the primary.' };
  }
  if (url.hostname !== '') return url.port === '0' ? portFault(expected) : undefined;
  return { expected, got: 'one without a host', remedy: 'Name the host, such as 127.0.0.1.' };
}

const portFault = (expected: string): UrlFault => ({
  expected,
  got: 'the port 0',
  remedy: 'Name the port that it listens on.',
});
