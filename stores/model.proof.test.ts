import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { jwt } from './jwt/backend.ts';
import { jwtBlacklist } from './jwt-blacklist/backend.ts';
import { mariadb } from './mariadb/backend.ts';
import { type MariadbFixture, startMariadbFixture } from './mariadb/fixture.ts';
import { memcached } from './memcached/backend.ts';
import { type MemcachedFixture, startMemcachedFixture } from './memcached/fixture.ts';
import { memory } from './memory/backend.ts';
import { defaultOptions } from './options.ts';
import { postgres } from './postgres/backend.ts';
import { type PostgresFixture, startPostgresFixture } from './postgres/fixture.ts';
import { redis } from './redis/backend.ts';
import { type RedisFixture, startRedisFixture } from './redis/fixture.ts';
import { SESSION_STORES } from './registry.ts';
import type { StoreDefinition } from './store.ts';
import { keptInStep } from './suite/in-step.ts';
import { runModel } from './suite/model-run.ts';
import { printSeed } from './suite/seed.ts';
import { armText } from './variant.ts';

const seed = printSeed('model');
let redisServer: RedisFixture;
let memcachedServer: MemcachedFixture;
let postgresServer: PostgresFixture;
let mariadbServer: MariadbFixture;
beforeAll(async () => {
  [redisServer, memcachedServer, postgresServer, mariadbServer] = await Promise.all([
    startRedisFixture('none'),
    startMemcachedFixture(),
    startPostgresFixture(),
    startMariadbFixture('none'),
  ]);
});
afterAll(() =>
  Promise.all([redisServer.stop(), memcachedServer.stop(), postgresServer.stop(), mariadbServer.stop()]),
);

const ROTATING = { refresh: 'rotating' };
const PUSHED = { check: 'pushed' };
const POSTGRES = { db: 'postgres' };
/** With how many sequences: as many as take each some two seconds. */
const BACKENDS: readonly [StoreDefinition, Record<string, string>, runs: number][] = [
  [memory, {}, 400],
  [memory, { write: 'lww' }, 150],
  [redis, {}, 120],
  [redis, { write: 'lww' }, 50],
  [redis, { read: 'getex' }, 50],
  [memcached, {}, 100],
  [memcached, { write: 'lww' }, 50],
  [postgres, {}, 50],
  [postgres, { write: 'lww', reads: 'pool', touch: 'async' }, 30],
  [mariadb, {}, 50],
  [mariadb, { write: 'lww', driver: 'mysql2' }, 30],
  [jwt, {}, 80],
  [jwtBlacklist, {}, 80],
  [jwtBlacklist, ROTATING, 120],
  [jwtBlacklist, PUSHED, 30],
  [jwtBlacklist, POSTGRES, 40],
  [jwtBlacklist, { ...POSTGRES, ...ROTATING }, 70],
];

/** Where the service cannot be installed: its own file has its model. */
const isUnproven = (store: StoreDefinition) => store.service(defaultOptions(store))?.unproven !== undefined;

test('no backend that keeps sessions is left out', () => {
  expect(
    SESSION_STORES.filter((store) => !isUnproven(store) && BACKENDS.every(([held]) => held !== store)),
  ).toEqual([]);
});

test.each(
  BACKENDS.map(([definition, options, runs]) => ({
    name: armText(definition.name, options),
    definition,
    options,
    runs,
  })),
)('$name does what the model does', async ({ definition, options, runs }) => {
  const urls: Readonly<Record<string, string>> = {
    redis: redisServer.url,
    memcached: memcachedServer.url,
    postgres: postgresServer.url,
    mariadb: mariadbServer.url,
  };
  const service = definition.service(options);
  const serviceUrl = service === undefined ? {} : { serviceUrl: urls[service.name] ?? '' };
  // The model's servers know of a logout at once.
  const wrapStore = options['check'] === 'pushed' ? { wrapStore: keptInStep } : {};
  const subject = { definition, options, ...serviceUrl, ...wrapStore };
  const details = await runModel(subject, { seed, runs });
  expect(details.failed, fc.defaultReportMessage(details)).toBe(false);
});
