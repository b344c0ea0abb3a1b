import { expect, test } from 'vitest';
import { addressOf, MARIADB_URL } from './mariadb/url.ts';
import { MEMCACHED_URL } from './memcached/url.ts';
import { MONGODB_URL } from './mongodb/url.ts';
import { connectionOf, POSTGRES_URL } from './postgres/url.ts';
import { primaryOf } from './redis/sentinel-url.ts';
import { REDIS_URL, socketOf } from './redis/url.ts';
import { readServiceUrl, type UrlFault } from './service-url.ts';

const RULES = { redis: REDIS_URL, postgres: POSTGRES_URL, mariadb: MARIADB_URL };
const faultOf = (text: string, rules = rulesOf(text)): UrlFault | undefined => {
  const read = readServiceUrl(text, rules);
  return 'fault' in read ? read.fault : undefined;
};
function rulesOf(text: string) {
  if (/^[\s"]*(mariadb|mysql\S*:\/\/[mub])/i.test(text)) return RULES.mariadb;
  return /^[\s"]*(redis|unix|valkey|\/)/i.test(text) ? RULES.redis : RULES.postgres;
}

test.each([
  ['redis://127.0.0.1', 'redis://127.0.0.1'],
  [' redis://127.0.0.1:6380/2\n', 'redis://127.0.0.1:6380/2'],
  ['REDIS://h', 'redis://h'],
  // As `docker run --env-file` passes it on.
  ['"redis://:p%22@h"', 'redis://:p%22@h'],
  ["'postgres://u:p@h/db'", 'postgres://u:p@h/db'],
  ['rediss://user:p%23%25%2F@[::1]:6380/0?family=6', 'rediss://user:p%23%25%2F@[::1]:6380/0?family=6'],
  ['postgres://u:p@h/db', 'postgres://u:p@h/db'],
  ['postgresql://u@h:5433/a%23b?sslmode=verify-full', 'postgresql://u@h:5433/a%23b?sslmode=verify-full'],
  // Sockets, in the spellings of libpq.
  ['postgres:///db?host=/run/postgresql', 'postgres://%2Frun%2Fpostgresql/db'],
  ['postgres://%2Frun%2Fpostgresql/db', 'postgres://%2Frun%2Fpostgresql/db'],
  ['postgresql://u:p%40w@/db?host=/run/pg&port=5433', 'postgresql://u:p%40w@%2Frun%2Fpg:5433/db'],
  ['postgres://u@/?sslmode=disable&host=/run/pg', 'postgres://u@%2Frun%2Fpg/?sslmode=disable'],
  ['postgres://?host=%2Frun%2Fpg', 'postgres://%2Frun%2Fpg'],
  // MariaDB, also by the scheme of MySQL.
  ['mariadb://u:p@h/db', 'mariadb://u:p@h/db'],
  ['mysql://me@h:3307/a%23b?ssl-mode=VERIFY_CA', 'mysql://me@h:3307/a%23b?ssl-mode=VERIFY_CA'],
  ['mariadb://u:p@[::1]/db?ssl-mode=required', 'mariadb://u:p@[::1]/db?ssl-mode=required'],
  [
    'mysql://me:p%40w@localhost/db?socket=/run/mysqld/mysqld.sock',
    'mysql://me:p%40w@%2Frun%2Fmysqld%2Fmysqld.sock/db',
  ],
  ['mariadb:///db?ssl-mode=DISABLED&socket=/run/a%20b', 'mariadb://%2Frun%2Fa%20b/db?ssl-mode=DISABLED'],
  // Sockets of Redis, as redis-py, redis-rb, go-redis, redis-rs, kombu, Lettuce and ioredis spell them.
  ['redis:///run/redis.sock', 'redis://%2Frun%2Fredis.sock'],
  ['redis://:p%40w@/run/redis.sock?db=2', 'redis://:p%40w@%2Frun%2Fredis.sock/2'],
  ['unix:///run/redis.sock', 'redis://%2Frun%2Fredis.sock'],
  ['unix://u:p@/run/redis.sock?db=15', 'redis://u:p@%2Frun%2Fredis.sock/15'],
  ['unix:/run/redis.sock', 'redis://%2Frun%2Fredis.sock'],
  ['redis+unix:///run/redis.sock', 'redis://%2Frun%2Fredis.sock'],
  ['redis+socket:///run/redis.sock?virtual_host=1', 'redis://%2Frun%2Fredis.sock/1'],
  ['redis-socket://p@/run/redis.sock?database=1', 'redis://p@%2Frun%2Fredis.sock/1'],
  ['/run/redis.sock', 'redis://%2Frun%2Fredis.sock'],
  ['/run/a%20b/50%.sock', 'redis://%2Frun%2Fa%2520b%2F50%25.sock'],
  ['unix:///run/a%20b', 'redis://%2Frun%2Fa%20b'],
  ['valkey+unix:///run/valkey.sock', 'redis://%2Frun%2Fvalkey.sock'],
  ['valkey://h:6380/1', 'redis://h:6380/1'],
  ['valkeys://h', 'rediss://h'],
  // Names outside ASCII, in the form that DNS has.
  ['redis://bücher.example:6380/1', 'redis://xn--bcher-kva.example:6380/1'],
  ['rediss://u:p@b%C3%BCcher.example', 'rediss://u:p@xn--bcher-kva.example'],
  ['valkey://BÜCHER.example', 'redis://xn--bcher-kva.example'],
  ['postgres://u:ü@例え.jp/ä', 'postgres://u:%C3%BC@xn--r8jz45g.jp/%C3%A4'],
  ['mysql://u@bücher.example/db', 'mysql://u@xn--bcher-kva.example/db'],
  ['redis://１２７.0.0.1', 'redis://127.0.0.1'],
  ['redis://%68ost', 'redis://host'],
  ['unix:///run/bücher.sock', 'redis://%2Frun%2Fb%C3%BCcher.sock'],
  // With a driver in the scheme, as SQLAlchemy and Rails have it.
  ['postgresql+asyncpg://u:p@h/db', 'postgresql://u:p@h/db'],
  ['postgres+psycopg2://u:p@h/db?sslmode=disable', 'postgres://u:p@h/db?sslmode=disable'],
  ['postgresql+psycopg2:///db?host=/run/pg', 'postgresql://%2Frun%2Fpg/db'],
  ['mysql+pymysql://u:p@h/db', 'mysql://u:p@h/db'],
  ['mariadb+mariadbconnector://u:p@h/db', 'mariadb://u:p@h/db'],
  ['mysql2://u:p@h/db', 'mysql://u:p@h/db'],
  // A cluster by one node, and Sentinels, as redis-sentinel-url, kombu and Lettuce spell them.
  ['redis-cluster://u:p@h:7000', 'redis://u:p@h:7000'],
  ['valkey+cluster://h', 'redis://h'],
  ['redis-sentinel://a:1/main', 'redis-sentinel://a:1/main'],
  ['redis+sentinel://:p%40@a:1,b/main/2', 'redis-sentinel://:p%40@a:1/main/2?sentinels=b'],
  [
    'redis-sentinel://u:p@a,[::1]:2,c/0?family=4#main',
    'redis-sentinel://u:p@a/main/0?family=4&sentinels=%5B::1%5D:2,c',
  ],
])('%j is read', (text, url) => expect(readServiceUrl(text, rulesOf(text))).toEqual({ url }));

test.each([
  // Passwords that are not percent-encoded: three drivers, three other servers.
  ['redis://:50%off@h', 'redis:// and what cannot be read', /% is %25/],
  ['redis://:pa#ss@h', 'redis:// and what cannot be read', /# is %23/],
  ['redis://u:pa?ss@h', 'redis:// and what cannot be read', /\? is %3F/],
  ['postgres://u:p/w@h/db', 'postgres:// and what cannot be read', /\/ is %2F/],
  ['postgres://u:p%zz@h/db', 'postgres:// and what cannot be read', /% is %25/],
  ['postgres://u:p@h/db%', 'postgres:// and what cannot be read', /% is %25/],
  ['redis://hunter2', undefined, /./],
  ['redis://:hunter2', 'redis:// and what cannot be read', /USER|encode/],
  ['hunter2', 'text that is not a URL', /Begin it with/],
  ['redis:hunter2@h', 'text that is not a URL', /Begin it with redis:\/\//],
  ['redis-cli -u redis://h', 'text that is not a URL', /the URL alone/],
  ["psql 'postgres://u:hunter2@h/db'", 'text that is not a URL', /the URL alone/],
  ['DATABASE_URL=postgres://u:hunter2@h/db', 'text that is not a URL', /the URL alone/],
  // Not the password is wrong, but the place.
  ['redis://:p@h:99999', 'redis:// and what cannot be read', /one host and its port/],
  ['redis://::1:6379', 'redis:// and what cannot be read', /brackets/],
  ['redis://:6379', 'redis:// and what cannot be read', /one host and its port/],
  ['postgres://u:p@/db', 'postgres:// and what cannot be read', /one host and its port/],
  ['postgres://u:p@a:1,b:2/db', 'postgres:// and what cannot be read', /one host/],
  ['postgres://u:p@a,b/db', 'several', /one of them/],
  ['redis://a,b:6379', 'several', /one of them/],
  ['mysql://h/db', 'one that begins with mysql://', /Write postgres:/],
  ['hunter2://h', 'one that begins otherwise', /Write postgres:/],
  ['mariadb://u:p/w@h/db', 'mariadb:// and what cannot be read', /\/ is %2F/],
  ['mariadb://u:p%@h/db', 'mariadb:// and what cannot be read', /% is %25/],
  ['mariadb://h', 'none', /DATABASE/],
  ['mariadb://h/', 'none', /DATABASE/],
  ['mariadb://h/a/b', 'several parts', /%2F/],
  ['mariadb://h:0/db', 'the port 0', /port/],
  ['mariadb:///db', 'one without a host', /Name the host/],
  ['mariadb://other/db?socket=/run/s', '?socket=', /localhost/],
  ['mariadb://%2Frun%2Fs:3306/db', 'one with it', /port/],
  ['mariadb://h/db?ssl-mode=PREFERRED', 'another word', /./],
  ['mariadb://h/db?ssl-mode=REQUIRED&ssl-ca=/nowhere.pem', 'one that does not exist', /./],
  ['mariadb://h/db?ssl-ca=/etc/hosts', 'TLS switched off', /ssl-mode/],
  ['mariadb://h/db?charset=latin1', '?charset=', /store/],
  ['mariadb://h/db?timezone=Z', '?timezone=', /store/],
  ['mariadb://h/db?multipleStatements=true', '?multipleStatements=', /store/],
  ['mariadb://h/db?ssl=true', '?ssl=', /ssl-mode/],
  ['mariadb://h/db?permitLocalInfile=true', '?permitLocalInfile=', /flags/],
  ['file:./dev.db', 'text that is not a URL', /Begin it with/],
  // Other places.
  ['rediss:///run/redis.sock', 'the path of a socket', /redis:\/\/\//],
  ['rediss://%2Frun%2Fredis.sock', 'the path of a socket', /redis:\/\/\//],
  ['redis://%2Frun%2Fredis.sock:1', 'one with it', /port/],
  ['unix:///run/redis.sock?db=x', 'something else', /redis:\/\/HOST:PORT\/1/],
  ['unix:///run/redis.sock?db=1&db=2', '?db= twice', /number/],
  ['unix:///run/redis.sock?password=x', '?password=', /unix:\/\/USER:PASSWORD@/],
  ['unix://run/redis.sock', 'one that begins with unix://', /three slashes/],
  ['redis://u%40h', 'another text', /ASCII/],
  ['redis://a%2Fb', 'another text', /ASCII/],
  ['redis://a%20b', 'another text', /ASCII/],
  ['redis://a%2Cb', 'another text', /ASCII/],
  ['postgres://ü,ä/db', 'several', /one of them/],
  // Schemes of other libraries and services.
  ['redis+tls://h', 'one that begins with redis+tls://', /rediss:/],
  ['valkey+ssl://h', 'one that begins with valkey+ssl://', /rediss:/],
  ['rediss+socket:///run/s', 'one that begins with rediss+socket://', /redis:\/\/\/run/],
  [
    'jdbc:postgresql://h/db?user=u&password=hunter2',
    'one that begins with jdbc:postgresql:',
    /without jdbc:/,
  ],
  ['jdbc:hunter2://h/db', 'one that begins with jdbc:', /without jdbc:/],
  ['postgresql+hunter2://h/db', 'one that begins otherwise', /Write postgres:/],
  ['prisma+postgres://h/?api_key=hunter2', 'one that begins with prisma+postgres://', /proxy/],
  ['psql://h/db', 'one that begins with psql://', /Write postgres:/],
  ['pgsql://h/db', 'one that begins with pgsql://', /Write postgres:/],
  ['postgis://h/db', 'one that begins with postgis://', /Write postgres:/],
  ['mongodb+srv://u:p@h/db', 'one that begins with mongodb+srv://', /Write postgres:/],
  ['sqlserver://h/db', 'one that begins with sqlserver://', /Write postgres:/],
  ['mysql+srv://m/db', 'one that begins with mysql+srv://', /one server/],
  ['mysqlx://m/db', 'one that begins with mysqlx://', /3306/],
  ['redis://', 'one without a host', /Name the host/],
  ['redis:///1', 'one without a host', /Name the host/],
  ['redis:///', 'one without a host', /Name the host/],
  ['redis://h:0', 'the port 0', /port/],
  ['redis://h:99999', 'redis:// and what cannot be read', /./],
  ['postgres://u:p@/db', undefined, /./],
  ['postgres:///db', 'one without a host', /Name the host/],
  ['postgres:///db?host=other', '?host= beside it, or not a folder', /socket/],
  ['postgres://h/db?host=/run', '?host= beside it, or not a folder', /socket/],
  ['postgres://h/db?port=1', '?port= beside it, or not a folder', /socket/],
  ['postgres:///db?host=/run&port=0', 'the port 0', /port/],
  ['postgres:///db?host=/run&host=/tmp', '?host= twice', /./],
  ['postgres://h/a/b', 'several parts', /%2F/],
  ['redis-cluster://a:1,b:2', 'one that begins with redis-cluster://', /redis:/],
  ['redis-sentinel://a:1,b:2', 'none', /redis-sentinel:\/\/HOST:PORT,HOST:PORT\/NAME/],
  ['redis-sentinel://a:1/main/x', 'something else', /NAME\/1/],
  ['redis-sentinel://a:1,b:x/main', 'something else', /NAME/],
  ['redis-sentinel://a:0/main', 'the port 0', /port/],
  ['redis-sentinel://a,b:0/main', 'something else', /NAME/],
  ['redis-sentinel://a,b/main?sentinels=c', '?sentinels= twice', /./],
  ['redis://a/1?sentinels=b', '?sentinels=', /redis-sentinel:/],
  // Databases and options that would change what is measured.
  ['redis://h/abc', 'something else', /redis:\/\/HOST:PORT\/1/],
  ['redis://h/1/2', 'something else', /./],
  ['redis://h?db=1', '?db=', /after the host/],
  ['redis://h?maxRetriesPerRequest=5', '?maxRetriesPerRequest=', /flags/],
  ['redis://h?family=7', 'another value', /./],
  ['redis://h?family=4&family=6', '?family= twice', /./],
  ['postgres://h/db?options=-c%20fsync=off', '?options=', /flags/],
  ['postgres://h/db?pgbouncer=true', '?pgbouncer=', /pooler/],
  ['postgres://h/db?statement_timeout=1', '?statement_timeout=', /flags/],
  ['postgres://h/db?sslmode=maybe', 'another word', /./],
  ['postgres://h/db?sslrootcert=/nowhere.pem', 'one that does not exist', /./],
  ['postgres://h/db#x', 'one with it', /%23/],
])('%j is refused, with its remedy', (text, got, remedy) => {
  if (got === undefined) return;
  const fault = faultOf(text);
  expect(fault?.got).toBe(got);
  expect(fault?.remedy).toMatch(remedy);
});

test.each([
  ['unix:///run/s', POSTGRES_URL, /host=\/run\/postgresql/],
  ['unix:///run/s', MARIADB_URL, /socket=\/run\/mysqld/],
  ['tls://h:6380', REDIS_URL, /rediss:/],
  ['tcp://h:6379', REDIS_URL, /Write redis:\/\/HOST/],
  ['keydb://h', REDIS_URL, /Write redis:\/\/HOST/],
  ['mongodb+srv://h', REDIS_URL, /Write redis:/],
  ['jdbc:mysql://h/db', MARIADB_URL, /without jdbc:/],
  ['jdbc:oracle:thin:@h', MARIADB_URL, /without jdbc:/],
])('%j is refused by its name elsewhere, with what to write', (text, rules, remedy) => {
  const fault = faultOf(text, rules);
  expect(fault?.got).toBe(`one that begins with ${/^jdbc:(?:mysql:)?|^[^:]*:\/\//.exec(text)?.[0]}`);
  expect(fault?.remedy).toMatch(remedy);
});

test('no error shows a part of a password', () => {
  const secrets = [
    'hun%ter',
    'hun#ter',
    'hun/ter',
    'hun?ter',
    'hun@ter',
    'hun:ter',
    'hun ter',
    'hun%zzter',
    'hun&ter=1',
  ];
  const around = [
    'redis://:P@h',
    'redis-sentinel://:P@a,b/main',
    'redis-sentinel://a,:P@b',
    'redis-cluster://:P@a,b',
    'memcached://u:P@h',
    'memcached://u:P@/run/s',
    'memcached://u:P@h:1,h:2',
    'mongodb://u:P@h/db',
    'mongodb://u:P@h:1,h:2/db',
    'mongodb+srv://u:P@h/db?w=1',
    'redis://P@h',
    'redis://u:P@h:1/x',
    'postgres://u:P@h/db/x',
    'P',
    'redis:P',
    '//:P@h',
    'redis:///:P@h',
    'unix://:P@/run/s',
    'unix://:P',
    '/:P',
    'postgres://u:P@/db?host=/run',
    'jdbc:postgresql://h/db?user=u&password=P',
    'postgresql+asyncpg://u:P@ü/db/x',
    'redis://u:P@ü%20',
    'redis+tls://:P@h',
  ];
  for (const rules of [REDIS_URL, MEMCACHED_URL, POSTGRES_URL, MARIADB_URL, MONGODB_URL]) {
    for (const text of around.flatMap((one) => secrets.map((secret) => one.replace('P', secret)))) {
      const read = readServiceUrl(text, rules);
      if ('fault' in read) expect(JSON.stringify(read.fault)).not.toMatch(/hun|(?<!clus)ter(?!s|n|v)/);
    }
  }
});

test('any text is read or refused, and never throws', () => {
  const pieces = [
    'redis:',
    'postgres:',
    '//',
    '[::1]',
    '@',
    ':',
    '%',
    '%2F',
    '?',
    'host=',
    'unix:',
    'redis-sentinel:',
    ',',
    '#',
    '/',
    'a',
    '\u0000',
    'ü',
    ' ',
  ];
  for (let seed = 0; seed < 20_000; seed += 1) {
    let rest = seed * 7_919;
    let text = '';
    for (; rest > 0; rest = Math.floor(rest / pieces.length)) text += pieces[rest % pieces.length];
    for (const rules of [REDIS_URL, POSTGRES_URL, MARIADB_URL, MONGODB_URL]) {
      const read = readServiceUrl(text, rules);
      if ('url' in read) expect(URL.canParse(read.url)).toBe(true);
      if ('url' in read && rules === POSTGRES_URL) expect(connectionOf(read.url).host).toBeTruthy();
      if ('url' in read && rules === REDIS_URL) expect(socketOf(read.url).path).not.toBe('');
      if ('url' in read && rules === REDIS_URL) expect(primaryOf(read.url)?.name).not.toBe('');
    }
  }
});

test('a connection has the decoded names, and verifies certificates unless told otherwise', () => {
  expect(connectionOf('postgres://r%23o%2Fle:p%40w@[::1]:5433/a%23b%2Fc')).toEqual({
    ...{ host: '::1', port: 5433, user: 'r#o/le', password: 'p@w', database: 'a#b/c' },
  });
  expect(connectionOf('postgres://u@%2Frun%2Fpg:5433/db')).toEqual({
    ...{ host: '/run/pg', port: 5433, user: 'u', database: 'db' },
  });
  expect(socketOf('redis://u:p@%2Frun%2Fa%20b/1')).toEqual({ path: '/run/a b' });
  expect(socketOf('redis://[::1]:1')).toEqual({});
  expect(connectionOf('postgres://h/db?sslmode=require').ssl).toEqual({});
  expect(connectionOf('postgres://h/db?sslmode=no-verify').ssl).toEqual({ rejectUnauthorized: false });
  expect(connectionOf('postgres://h/db?sslmode=disable').ssl).toBe(false);
});

test('what a URL of Sentinels names', () => {
  expect(primaryOf('redis://h/1')).toBeUndefined();
  expect(primaryOf('redis-sentinel://u:p@[::1]/a%20b/2?sentinels=b:1,[::2]')).toEqual({
    sentinels: [
      { host: '::1', port: 26_379 },
      { host: 'b', port: 1 },
      { host: '::2', port: 26_379 },
    ],
    ...{ name: 'a b', database: '2' },
  });
});

test('what a URL of MariaDB names', () => {
  expect(addressOf('mysql://r%23o%2Fle:p%40w@[::1]:3307/a%23b%2Fc')).toEqual({
    target: { host: '::1', port: 3307 },
    ...{ user: 'r#o/le', password: 'p@w', database: 'a#b/c' },
  });
  expect(addressOf('mariadb://u@%2Frun%2Fs/db').target).toEqual({ path: '/run/s' });
  expect(addressOf('mariadb://h/db').target).toEqual({ host: 'h', port: 3306 });
  const tlsOf = (mode: string) => addressOf(`mariadb://h/db?ssl-mode=${mode}`).tls;
  expect(tlsOf('disabled')).toBeUndefined();
  expect(tlsOf('REQUIRED')).toEqual({ options: { rejectUnauthorized: false }, verifyIdentity: false });
  expect(tlsOf('VERIFY_CA')).toEqual({ options: { rejectUnauthorized: true }, verifyIdentity: false });
  expect(tlsOf('VERIFY_IDENTITY')).toEqual({ options: { rejectUnauthorized: true }, verifyIdentity: true });
});
