import { existsSync, readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { ClientConfig } from 'pg';
import { hostOf, type UrlFault, type UrlRules } from '../service-url.ts';

const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];
const FILES = ['sslrootcert', 'sslcert', 'sslkey'];

/** SQLAlchemy's URLs name the driver behind the service. */
const WITH_DRIVER = /^(postgres(?:ql)?)\+(?:psycopg[23]?(?:_async|cffi)?|asyncpg|pg8000|aiopg)(?=:\/\/)/i;

export const POSTGRES_URL: UrlRules = {
  schemes: ['postgres:', 'postgresql:'],
  options: ['host', 'port', 'sslmode', ...FILES, 'channel_binding'],
  refused: {
    pgbouncer: 'A pooler changes what is measured, and loses prepared statements: name Postgres itself.',
    schema: 'Leave it out: the benchmark makes schemas of its own, and removes them.',
    options: 'Leave it out: durability and plans are set by the flags.',
  },
  otherSchemes: [
    [/^unix:$/, 'Write postgres:///DATABASE?host=/run/postgresql, the folder of the socket.'],
    [/^prisma(?:\+postgres)?:$/, 'Name Postgres itself, postgres://HOST:PORT/DATABASE: this is a proxy.'],
    [/^(?:pgsql|psql|pg|postgis|cockroachdb|redshift|timescaledb):$/, 'Write postgres://HOST:PORT/DATABASE.'],
  ],
  rewrite: (text) => withSocketAsHost(text.replace(WITH_DRIVER, '$1')),
  faultOf: (url) => hostFault(url) ?? databaseFault(url) ?? sslFault(url),
};

/**
 * A socket may be named by `?host=/folder`, with `&port=` where that is not 5432, as libpq has it; then no host may stand
 * before the path, or the URL could not be parsed where it has a user.
 */
function withSocketAsHost(text: string): string {
  const match = /^(postgres(?:ql)?:\/\/[^@/?#]*@|postgres(?:ql)?:\/\/)(\/[^?#]*)?\?([^#]*)$/i.exec(text);
  const [, before = '', path = '', query] = match ?? [];
  const options = new URLSearchParams(query);
  const [folder = '', ...otherFolders] = options.getAll('host');
  const [port, ...otherPorts] = options.getAll('port');
  if (match === null || !folder.startsWith('/') || otherFolders.length > 0 || otherPorts.length > 0)
    return text;
  options.delete('host');
  options.delete('port');
  const rest = options.size === 0 ? '' : `?${options}`;
  return `${before}${encodeURIComponent(folder)}${port === undefined ? '' : `:${port}`}${path}${rest}`;
}

function hostFault({ searchParams }: URL): UrlFault | undefined {
  const option = ['host', 'port'].find((name) => searchParams.has(name));
  if (option === undefined) return undefined;
  return {
    expected: 'one host',
    got: `?${option}= beside it, or not a folder`,
    remedy:
      'Write postgres://USER:PASSWORD@HOST:PORT/DATABASE, or for a socket postgres:///DATABASE?host=/FOLDER.',
  };
}

function databaseFault({ pathname }: URL): UrlFault | undefined {
  if (!pathname.slice(1).includes('/')) return undefined;
  const remedy = 'Write postgres://HOST:PORT/DATABASE; a / in its name is %2F.';
  return { expected: 'one database as the path', got: 'several parts', remedy };
}

function sslFault({ searchParams }: URL): UrlFault | undefined {
  const mode = searchParams.get('sslmode');
  if (mode !== null && !SSL_MODES.includes(mode)) {
    return {
      expected: `sslmode to be one of ${SSL_MODES.join(', ')}`,
      got: 'another word',
      remedy: 'Correct it.',
    };
  }
  for (const name of FILES) {
    const path = searchParams.get(name);
    if (path !== null && !existsSync(path)) {
      return { expected: `a file in ${name}`, got: 'one that does not exist', remedy: 'Name one that does.' };
    }
  }
  return undefined;
}

/**
 * The connection that a checked URL names. Not by `connectionString`: the driver leaves %23 and its like in the name of
 * a database, and takes what is missing from the variables of libpq.
 */
export function connectionOf(text: string): ClientConfig {
  const url = new URL(text);
  const [user, password] = [url.username, url.password].map(decodeURIComponent);
  const database = decodeURIComponent(url.pathname.slice(1));
  const ssl = sslOf(url.searchParams);
  return {
    host: hostOf(url),
    port: Number(url.port || 5432),
    ...(user === '' ? {} : { user }),
    ...(password === '' ? {} : { password }),
    ...(database === '' ? {} : { database }),
    ...(ssl === undefined ? {} : { ssl }),
  };
}

/** As the driver reads these options: every mode but `disable` and `no-verify` verifies certificate and host. */
function sslOf(options: URLSearchParams): boolean | ConnectionOptions | undefined {
  const mode = options.get('sslmode');
  if (mode === 'disable') return false;
  if (mode === null && !options.has('sslrootcert')) return undefined;
  const read = (name: string) => {
    const path = options.get(name);
    return path === null ? undefined : readFileSync(path, 'utf8');
  };
  const [ca, cert, key] = FILES.map(read);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(mode === 'no-verify' ? { rejectUnauthorized: false } : {}),
  };
}
