import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printSeed } from '../../stores/suite/seed.ts';
import { BenchError } from '../errors.ts';
import { parseConfig } from './config.ts';
import type { RawOptions } from './values.ts';

/** Whatever stands in a URL of a service, by flag or by variable: one line, no stack, and nothing of the password. */
const seed = printSeed('URLs and environment');
const SECRET = 'hunter2';
const STORES = 'redis,memcached,postgres,mariadb,mongodb';
const VARIABLES = ['REDIS_URL', 'MEMCACHED_URL', 'DATABASE_URL', 'MARIADB_URL', 'MONGODB_URL'];
const FLAGS = ['redisUrl', 'memcachedUrl', 'postgresUrl', 'mariadbUrl', 'mongodbUrl'];

const special = fc.string({
  unit: fc.constantFrom(...'%@:/?#[]\\&=+;, "\'\t\n\0ä€-._~1a'.split('')),
  maxLength: 4,
});
const scheme = fc.constantFrom(
  ...['redis', 'rediss', 'redis-sentinel', 'redis-cluster', 'unix', 'postgres', 'postgresql', 'mariadb'],
  ...['mysql', 'memcached', 'mongodb', 'mongodb+srv', 'file', 'x', '', 'REDIS', 'redis+socket', 'redis+tls'],
  ...['jdbc:postgresql', 'jdbc:x', 'postgres+psycopg2', 'mysql+x', 'tcp'],
);
const host = fc.constantFrom(
  'h',
  '127.0.0.1',
  '::1',
  '[::1]',
  'a,b',
  'h:0',
  'h:99999',
  'h:x',
  '',
  'hö',
  'h%20',
  'ö,ä',
  '%2Frun%2Fs',
);
const path = fc.constantFrom(
  '',
  '/',
  '/db',
  '/0',
  '/x/y',
  '/run/redis.sock',
  '?password=',
  '?sslmode=no',
  '#',
);

/** A URL as somebody might have written it: with the password where it belongs, or elsewhere. */
const written = fc
  .tuple(special, scheme, fc.constantFrom(':', '://', ':///', ''), special, special, host, path, special)
  .chain(([before, name, mark, user, junk, place, end, after]) =>
    fc.constantFrom(
      `${before}${name}${mark}${user}:${SECRET}${junk}@${place}${end}${after}`,
      `${before}${name}${mark}${place}${end}${user}${SECRET}${junk}${after}`,
      `${name}${mark}${SECRET}${junk}`,
    ),
  );

const seen = { taken: 0, refused: 0 };

function look(raw: RawOptions, env: Record<string, string>): void {
  try {
    parseConfig({ store: STORES, ...raw }, env);
    seen.taken += 1;
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    seen.refused += 1;
    expect(['USAGE', 'CONFLICT']).toContain(error.code);
    expect(error.message).not.toContain(SECRET);
    expect(error.message).not.toContain('\n');
  }
}

test('a URL by a flag', () => {
  const property = fc.property(fc.constantFrom(...FLAGS), written, (flag, url) => look({ [flag]: url }, {}));
  fc.assert(property, { seed, numRuns: 3_000 });
});

test('URLs by variables, some of them of other programs', () => {
  const env = fc.dictionary(fc.constantFrom(...VARIABLES, 'PGPASSWORD', 'NO_COLOR', 'COLUMNS'), written);
  fc.assert(
    fc.property(env, fc.boolean(), (given, isAsked) => look(isAsked ? { useEnvUrls: true } : {}, given)),
    { seed, numRuns: 3_000 },
  );
});

test('both kinds were seen', () => {
  expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(100);
});
