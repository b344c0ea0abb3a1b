import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { privateKeyFor } from '../jwt/fixture.ts';
import { type RedisFixture, startRedisFixture } from '../redis/fixture.ts';
import { describeStoreAside } from '../suite/store-suite-aside.ts';
import { jwtBlacklist } from './backend.ts';

const variants: readonly Record<string, string>[] = [
  { db: 'redis' },
  { db: 'redis', 'on-outage': 'open' },
  { db: 'redis', alg: 'EdDSA' },
  { db: 'redis', lib: 'jsonwebtoken' },
  { db: 'redis', lib: 'jose', refresh: 'rotating' },
  { db: 'redis', cache: '1000' },
  { db: 'redis', refresh: 'rotating' },
  { db: 'redis', check: 'pushed' },
  { db: 'redis', check: 'pushed', refresh: 'rotating' },
  { db: 'redis', refresh: 'rotating', alg: 'EdDSA' },
];

for (const options of variants) {
  let server: RedisFixture | undefined;
  const privateKeyPem = options['alg'] === 'EdDSA' ? privateKeyFor('EdDSA') : undefined;
  describeStoreAside(`jwt-blacklist ${JSON.stringify(options)}`, {
    definition: jwtBlacklist,
    options,
    ...(privateKeyPem === undefined ? {} : { privateKeyPem }),
    async serviceUrl() {
      server = await startRedisFixture('second');
      return server.url;
    },
    async stopService() {
      await server?.stop();
    },
  });
}

// The suite on Postgres is in postgres.service.test.ts: here no driver of it may be loaded.
test('a run on Redis loads no driver of Postgres', () => {
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  expect(loaded.some((path) => path.includes('/node_modules/ioredis/'))).toBe(true);
  expect(loaded.filter((path) => path.includes('/node_modules/pg/'))).toEqual([]);
});
