import { existsSync, readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { hostOf, isSocket, socketHost, type UrlFault, type UrlRules } from '../service-url.ts';

/** As the clients of MySQL name them. Not PREFERRED: it would fall back to plain text in silence. */
const SSL_MODES = ['DISABLED', 'REQUIRED', 'VERIFY_CA', 'VERIFY_IDENTITY'];
const FILES = ['ssl-ca', 'ssl-cert', 'ssl-key'];

const SET_BY_STORE = 'Leave it out: the store sets what its connections need.';
const TLS_NAMES =
  'Write ?ssl-mode=REQUIRED, VERIFY_CA or VERIFY_IDENTITY, with &ssl-ca=FILE where it is needed.';

const refused = (names: readonly string[], remedy: string) =>
  Object.fromEntries(names.map((name) => [name, remedy]));

/** SQLAlchemy's URLs name the driver behind the service, and those of Rails in it. */
const WITH_DRIVER =
  /^(mysql|mariadb)(?:\+(?:pymysql|mysqldb|mysqlconnector|mariadbconnector|aiomysql|asyncmy|cymysql)|2)(?=:\/\/)/i;

export const MARIADB_URL: UrlRules = {
  schemes: ['mariadb:', 'mysql:'],
  options: ['ssl-mode', ...FILES],
  refused: {
    ...refused(['charset', 'collation', 'timezone', 'sessionVariables', 'initSql'], SET_BY_STORE),
    ...refused(['multipleStatements', 'flags', 'compress', 'pipelining'], SET_BY_STORE),
    ...refused(['connectionLimit', 'connectTimeout', 'socketTimeout', 'queryTimeout'], SET_BY_STORE),
    ...refused(['ssl', 'sslmode', 'tls', 'useSSL', 'sslMode'], TLS_NAMES),
    socket: 'For a socket write mariadb://USER:PASSWORD@localhost/DATABASE?socket=/FILE, with no other host.',
  },
  otherSchemes: [
    [/^unix:$/, 'Write mariadb://localhost/DATABASE?socket=/run/mysqld/mysqld.sock.'],
    [/^mysqlx(?:\+srv)?:$/, 'Write mysql://HOST:3306/DATABASE: the X protocol has another port.'],
    [/^mysql\+srv:$/, 'Write mysql://HOST:PORT/DATABASE, of one server.'],
  ],
  rewrite: (text) => withSocketAsHost(text.replace(WITH_DRIVER, '$1')),
  faultOf: (url) => portFault(url) ?? databaseFault(url) ?? sslFault(url),
};

/** A socket may be named by `?socket=/file`, beside no host or localhost. */
function withSocketAsHost(text: string): string {
  const match = /^((?:mysql|mariadb):\/\/(?:[^@/?#]*@)?)(?:localhost)?(\/[^?#]*)?\?([^#]*)$/i.exec(text);
  const [, before = '', path = '', query] = match ?? [];
  const options = new URLSearchParams(query);
  const [file = '', ...others] = options.getAll('socket');
  if (match === null || !file.startsWith('/') || others.length > 0) return text;
  options.delete('socket');
  const rest = options.size === 0 ? '' : `?${options}`;
  return `${before}${socketHost(file)}${path}${rest}`;
}

function portFault(url: URL): UrlFault | undefined {
  if (!isSocket(url) || url.port === '') return undefined;
  return { expected: 'a socket without a port', got: 'one with it', remedy: 'Leave the port out.' };
}

function databaseFault({ pathname }: URL): UrlFault | undefined {
  const database = pathname.slice(1);
  if (database !== '' && !database.includes('/')) return undefined;
  return {
    expected: 'one database as the path',
    got: database === '' ? 'none' : 'several parts',
    remedy: 'Write mariadb://HOST:PORT/DATABASE, of a database for the benchmark; a / in its name is %2F.',
  };
}

function sslFault({ searchParams }: URL): UrlFault | undefined {
  const mode = searchParams.get('ssl-mode');
  if (mode !== null && !SSL_MODES.includes(mode.toUpperCase())) {
    return {
      expected: `ssl-mode to be one of ${SSL_MODES.join(', ')}`,
      got: 'another word',
      remedy: 'Correct it.',
    };
  }
  const given = FILES.filter((name) => searchParams.has(name));
  if (given.length > 0 && (mode === null || mode.toUpperCase() === 'DISABLED')) {
    return { expected: `an ssl-mode with ${given[0]}`, got: 'TLS switched off', remedy: TLS_NAMES };
  }
  const absent = given.find((name) => !existsSync(searchParams.get(name) ?? ''));
  if (absent === undefined) return undefined;
  return { expected: `a file in ${absent}`, got: 'one that does not exist', remedy: 'Name one that does.' };
}

/** Where a checked URL leads, and as whom. */
export interface Address {
  target: { host: string; port: number } | { path: string };
  user: string;
  password: string;
  database: string;
  /** Absent without TLS. `verifyIdentity`: whether the certificate must be that of the host. */
  tls?: { options: ConnectionOptions; verifyIdentity: boolean };
}

export function addressOf(text: string): Address {
  const url = new URL(text);
  const host = hostOf(url);
  const tls = tlsOf(url.searchParams);
  return {
    target: isSocket(url) ? { path: host } : { host, port: Number(url.port || 3306) },
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    ...(tls === undefined ? {} : { tls }),
  };
}

function tlsOf(options: URLSearchParams): Address['tls'] {
  const mode = options.get('ssl-mode')?.toUpperCase();
  if (mode === undefined || mode === 'DISABLED') return undefined;
  const read = (name: string) => {
    const path = options.get(name);
    return path === null ? undefined : readFileSync(path, 'utf8');
  };
  const [ca, cert, key] = FILES.map(read);
  return {
    options: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      rejectUnauthorized: mode !== 'REQUIRED',
    },
    verifyIdentity: mode === 'VERIFY_IDENTITY',
  };
}
