import { existsSync } from 'node:fs';
import { isSocket, type UrlFault, type UrlRules } from '../service-url.ts';

const TLS_OPTIONS = ['tls', 'tlsCAFile', 'tlsCertificateKeyFile'];
const MECHANISMS = ['SCRAM-SHA-1', 'SCRAM-SHA-256'];

const refused = (names: readonly string[], remedy: string) =>
  Object.fromEntries(names.map((name) => [name, remedy]));

const SET_BY_STORE = 'Leave it out: the store sets what its connections need.';
const BY_DURABILITY = 'Leave it out: --durability determines how writes are acknowledged.';
const ONE_SERVER = 'Leave it out, and name the primary itself: one server is measured.';
const TLS_NAMES = 'Write ?tls=true, with &tlsCAFile=FILE where it is needed.';

export const MONGODB_URL: UrlRules = {
  schemes: ['mongodb:', 'mongodb+srv:'],
  options: ['authSource', 'authMechanism', 'directConnection', ...TLS_OPTIONS],
  refused: {
    ...refused(['w', 'wtimeoutMS', 'wtimeout', 'journal', 'j', 'fsync'], BY_DURABILITY),
    ...refused(['readConcernLevel', 'retryWrites', 'retryReads', 'compressors'], SET_BY_STORE),
    ...refused(['maxPoolSize', 'minPoolSize', 'maxConnecting', 'maxIdleTimeMS', 'appName'], SET_BY_STORE),
    ...refused(['timeoutMS', 'socketTimeoutMS', 'connectTimeoutMS', 'waitQueueTimeoutMS'], SET_BY_STORE),
    ...refused(['serverSelectionTimeoutMS', 'heartbeatFrequencyMS'], SET_BY_STORE),
    ...refused(['replicaSet', 'readPreference', 'readPreferenceTags', 'maxStalenessSeconds'], ONE_SERVER),
    ...refused(['loadBalanced', 'srvMaxHosts', 'srvServiceName'], ONE_SERVER),
    ...refused(['ssl', 'tlsInsecure', 'tlsAllowInvalidCertificates', 'tlsAllowInvalidHostnames'], TLS_NAMES),
  },
  rewrite: withPlainHosts,
  faultOf: (url) =>
    srvFault(url) ?? portFault(url) ?? databaseFault(url) ?? optionFault(url) ?? loginFault(url),
};

/** Several servers, each with its port; or the name of a cluster, which is refused whatever its options are. */
const PORT_IN_LIST = /:\d+(?=,)|(?<=,[^/?#]*):\d+/g;

function withPlainHosts(text: string): string {
  const given = /^mongodb\+srv:/i.test(text) ? text.replace(/\?.*$/s, '') : text;
  return given.includes(',') ? given.replace(PORT_IN_LIST, '') : given;
}

function srvFault({ protocol }: URL): UrlFault | undefined {
  if (protocol !== 'mongodb+srv:') return undefined;
  return {
    expected: 'one MongoDB by its host and port',
    got: 'mongodb+srv://, a name in DNS for several hosts',
    remedy: 'Write mongodb://HOST:PORT/DATABASE of the primary, with ?tls=true where it asks for TLS.',
  };
}

function portFault(url: URL): UrlFault | undefined {
  if (!isSocket(url) || url.port === '') return undefined;
  return { expected: 'a socket without a port', got: 'one with it', remedy: 'Leave the port out.' };
}

/** The path alone would also be where the user is looked up. */
function databaseFault({ pathname }: URL): UrlFault | undefined {
  const database = decodeURIComponent(pathname.slice(1));
  if (/^[^/\\. "$*<>:|?]{1,63}$/.test(database) && !['admin', 'config', 'local'].includes(database))
    return undefined;
  return {
    expected: 'a database for the benchmark as the path',
    got: database === '' ? 'none' : 'another path, or one of MongoDB’s own databases',
    remedy: 'Write mongodb://HOST:PORT/DATABASE, with ?authSource=admin where the user is kept in admin.',
  };
}

function optionFault({ searchParams }: URL): UrlFault | undefined {
  const mechanism = searchParams.get('authMechanism');
  if (mechanism !== null && !MECHANISMS.includes(mechanism)) {
    const expected = `authMechanism to be ${MECHANISMS.join(' or ')}`;
    return { expected, got: 'another one', remedy: 'Name a user with a password.' };
  }
  for (const name of ['tls', 'directConnection']) {
    const value = searchParams.get(name);
    if (value === null || value === 'true' || (name === 'tls' && value === 'false')) continue;
    const remedy = 'Correct it, or leave it out: the one server that is named is measured.';
    return { expected: `${name}=true`, got: 'another value', remedy };
  }
  const files = ['tlsCAFile', 'tlsCertificateKeyFile'].filter((name) => searchParams.has(name));
  if (files.length > 0 && searchParams.get('tls') !== 'true')
    return { expected: `tls=true with ${files[0]}`, got: 'TLS switched off', remedy: TLS_NAMES };
  const absent = files.find((name) => !existsSync(searchParams.get(name) ?? ''));
  if (absent === undefined) return undefined;
  return { expected: `a file in ${absent}`, got: 'one that does not exist', remedy: 'Name one that does.' };
}

/** The driver would connect without credentials. */
function loginFault({ username, password, searchParams }: URL): UrlFault | undefined {
  const remedy = 'Write both before the host: mongodb://USER:PASSWORD@HOST:PORT/DATABASE.';
  if ((username === '') !== (password === ''))
    return { expected: 'a user and a password', got: 'one of the two', remedy };
  if (username !== '' || !searchParams.has('authMechanism')) return undefined;
  return { expected: 'a user with authMechanism', got: 'none', remedy };
}

/** The database of a checked URL. */
export function databaseOf(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}
