import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { jwtBlacklist } from './jwt-blacklist/backend.ts';
import { mariadb } from './mariadb/backend.ts';
import { mariadbClient } from './mariadb/client.ts';
import { type MariadbFixture, startMariadbFixture } from './mariadb/fixture.ts';
import { memcached } from './memcached/backend.ts';
import { memcachedClient } from './memcached/client.ts';
import { type MemcachedFixture, startMemcachedFixture } from './memcached/fixture.ts';
import { memoryFailedLogins } from './memory/failed-logins.ts';
import { openStore } from './open.ts';
import { postgres } from './postgres/backend.ts';
import { postgresClient } from './postgres/client.ts';
import { openConnections } from './postgres/connections.ts';
import { failedLoginsTable, postgresFailedLogins } from './postgres/failed-logins.ts';
import { type PostgresFixture, startPostgresFixture } from './postgres/fixture.ts';
import { schemaName, setupScript, sweeperTable } from './postgres/setup.ts';
import { redis } from './redis/backend.ts';
import { redisClient } from './redis/client.ts';
import { type RedisFixture, startRedisFixture } from './redis/fixture.ts';
import {
  type FailedLogins,
  type OpenContext,
  type SessionStore,
  type StoreDefinition,
  StoreUnavailableError,
} from './store.ts';
import { contextFor } from './suite/context.ts';
import { offered } from './suite/offered.ts';

const RULE = { limit: 2, windowSeconds: 600 };
const USER = 'alice@example.test';
const RECOVERY_GUARD_MS = 5_000;
/** A little more than the interval of a store's sweep. */
const A_SWEEP_MS = 6_000;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(definition: StoreDefinition, changes: Partial<OpenContext>) {
  const context = contextFor(definition, { onBackgroundError: () => undefined, ...changes });
  const store = await openStore(definition, context);
  cleanups.push(() => store.close());
  return { store, failures: countsOf(store), namespace: context.namespace };
}

function countsOf(store: SessionStore): FailedLogins {
  return offered(store, 'failedLogins')(RULE);
}

async function refusal(call: Promise<unknown>): Promise<StoreUnavailableError> {
  const error = await call.then(
    (value) => `answered ${String(value)}`,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StoreUnavailableError))
    throw new Error(`expected a StoreUnavailableError, got ${String(error)}`);
  return error;
}

/** Every method reports an outage, reveals nothing of the account, and recovers by itself. */
async function expectOutage(failures: FailedLogins, begin: () => unknown, end: () => unknown): Promise<void> {
  await failures.add(USER);
  await begin();
  for (const call of [() => failures.isOver(USER), () => failures.add(USER), () => failures.clear(USER)]) {
    const { cause } = await refusal(call());
    expect(cause).toBeInstanceOf(Error);
    expect(Object.keys(cause as Error)).not.toContain('command');
    expect(inspect(cause, { depth: 5 })).not.toContain('alice');
  }
  await end();
  const answers = () => failures.isOver(USER).then(() => 'answers', String);
  await expect.poll(answers, { timeout: RECOVERY_GUARD_MS }).toBe('answers');
}

describe('failed logins in memory', () => {
  afterEach(() => vi.useRealTimers());

  test('close forgets them and leaves no timer', async () => {
    vi.useFakeTimers();
    const { failedLogins, close } = memoryFailedLogins();
    expect(vi.getTimerCount()).toBe(0);
    const failures = failedLogins(RULE);
    for (const user of ['a', 'b', 'c']) for (let i = 0; i < 3; i += 1) await failures.add(user);
    expect(await failures.isOver('a')).toBe(true);
    await close();
    expect(vi.getTimerCount()).toBe(0);
    expect(await failures.isOver('a')).toBe(false);
  });

  test('a window begins with its first failure, and none after moves its end', async () => {
    vi.useFakeTimers();
    const { failedLogins, close } = memoryFailedLogins();
    const failures = failedLogins(RULE);
    await failures.add(USER);
    vi.advanceTimersByTime((RULE.windowSeconds - 1) * 1000);
    await failures.add(USER);
    expect(await failures.isOver(USER)).toBe(true);
    vi.advanceTimersByTime(1000);
    expect(await failures.isOver(USER)).toBe(false);
    await close();
  });
});

describe('failed logins in Redis', () => {
  let server: RedisFixture;
  beforeAll(async () => {
    server = await startRedisFixture('second');
  });
  afterAll(() => server.stop());

  test.each([redis, jwtBlacklist])(
    'of $name: keys of the namespace, which expire and name nobody',
    async (definition) => {
      const { store, failures, namespace } = await open(definition, { serviceUrl: server.url });
      await store.create({ userId: 'bob', role: 'user', data: 'd' });
      await failures.add(USER);
      await failures.add(USER);
      const keys = (await server.command('KEYS', `${namespace}:f:*`)) as string[];
      expect(keys).toEqual([expect.stringMatching(/:f:[A-Za-z0-9_-]{43}$/)]);
      const ttlMs = Number(await server.command('PTTL', keys[0] ?? ''));
      expect(ttlMs).toBeGreaterThan(0);
      expect(ttlMs).toBeLessThanOrEqual(RULE.windowSeconds * 1000);
      await redisClient.purge(server.url, namespace);
      expect(await server.command('KEYS', `${namespace}:*`)).toEqual([]);
      expect(await failures.isOver(USER)).toBe(false);
    },
  );

  test('an outage, a silence and a full Redis throw', async () => {
    const { failures } = await open(redis, { serviceUrl: server.url });
    await expectOutage(failures, server.kill, server.restart);
    await expectOutage(failures, server.pause, server.resume);
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    await refusal(failures.add('somebody new'));
    await failures.clear(USER);
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    await failures.add('somebody new');
  });
});

describe('failed logins in Memcached', () => {
  let server: MemcachedFixture;
  beforeAll(async () => {
    server = await startMemcachedFixture();
  });
  afterAll(() => server.stop());

  test('items of the namespace, which expire and name nobody; none after it moves the end of a window', async () => {
    const { failures, namespace } = await open(memcached, { serviceUrl: server.url, durability: 'none' });
    await failures.add(USER);
    const [item = ''] = (await memcachedClient.dump(server.url)).split('\n');
    const [key = '', value] = item.split('\t');
    expect([key, value]).toEqual([expect.stringMatching(/:f:[A-Za-z0-9_-]{43}$/), '1']);
    expect(key.startsWith(`${namespace}:`)).toBe(true);
    const endOf = () =>
      server.talk(async (link) => Number((await link.ask(`mg ${key} t\r\n`)).rest.slice(1)));
    const seconds = await endOf();
    expect(seconds).toBeGreaterThanOrEqual(RULE.windowSeconds);
    expect(seconds).toBeLessThanOrEqual(RULE.windowSeconds + 1);
    await sleep(2_100);
    await failures.add(USER);
    expect(await endOf()).toBeLessThan(seconds);
    expect(await failures.isOver(USER)).toBe(true);
    await memcachedClient.purge(server.url, namespace);
    expect(await memcachedClient.dump(server.url)).toBe('');
    expect(await failures.isOver(USER)).toBe(false);
  });

  test('an outage and a silence throw', async () => {
    const { failures } = await open(memcached, { serviceUrl: server.url, durability: 'none' });
    await expectOutage(failures, server.kill, server.restart);
    await expectOutage(failures, server.pause, server.resume);
  });

  test('a value that is no count is an error, and lets nobody in', async () => {
    const { failures, namespace } = await open(memcached, { serviceUrl: server.url, durability: 'none' });
    await failures.add(USER);
    const key = (await memcachedClient.dump(server.url))
      .split('\n')
      .find((line) => line.startsWith(namespace))
      ?.split('\t')[0];
    await server.talk((link) => link.ask(`set ${key} 0 0 3\r\nNaN\r\n`));
    await refusal(failures.isOver(USER));
  });
});

describe('failed logins in Postgres', () => {
  let server: PostgresFixture;
  beforeAll(async () => {
    server = await startPostgresFixture();
  });
  afterAll(() => server.stop());

  const blacklist = { db: 'postgres' };

  test.each(['none', 'second'] as const)(
    'durability %s: a table like the others, purged with them',
    async (durability) => {
      for (const [definition, options] of [
        [postgres, {}],
        [jwtBlacklist, blacklist],
      ] as const) {
        const { failures, namespace } = await open(definition, {
          serviceUrl: server.url,
          durability,
          options,
        });
        await failures.add(USER);
        const tables = await server.query(
          `select relpersistence as kind, nspname as schema
         from pg_class join pg_namespace on relnamespace = pg_namespace.oid
         where relname = 'failed_logins' and nspname like '%' || $1 || '%'`,
          [namespace],
        );
        expect(tables).toMatchObject([{ kind: durability === 'none' ? 'u' : 'p' }]);
        const rows = await server.query(
          `select key, points from "${String(tables[0]?.['schema'])}".failed_logins`,
        );
        expect(rows).toEqual([{ key: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/), points: 1 }]);
        await postgresClient.purge(server.url, namespace);
        await refusal(failures.add(USER));
      }
    },
  );

  test('an outage throws', async () => {
    const { failures } = await open(postgres, { serviceUrl: server.url, durability: 'commit' });
    await expectOutage(failures, server.crash, server.start);
  });

  test('the sweep removes what is over, once anybody counts, and leaves what is not', async () => {
    const schema = schemaName('failures', 'swept', false);
    const setup = setupScript(schema, sweeperTable(schema) + failedLoginsTable(schema, false));
    const connections = await openConnections(
      { serviceUrl: server.url, poolSize: 2, durability: 'second', onBackgroundError: () => undefined },
      { reads: 'pool', relaxed: false, setup },
    );
    cleanups.push(connections.close);
    const count = async () => (await server.query(`select from ${schema}.failed_logins`)).length;
    const counting = postgresFailedLogins(connections, schema);
    const expired = `insert into ${schema}.failed_logins select 'old' || n, 1, 1 from generate_series(1, 100) as n`;
    await server.query(expired);
    await counting.sweepTurn(0);
    expect(await count()).toBe(100);
    await counting.failedLogins(RULE).add(USER);
    await counting.sweepTurn(0);
    expect(await count()).toBe(1);
  });
});

describe('failed logins in MariaDB', () => {
  let server: MariadbFixture;
  beforeAll(async () => {
    server = await startMariadbFixture();
  });
  afterAll(() => server.stop());

  const countsIn = async (namespace: string) =>
    (await server.query(`select \`key\`, points from ${namespace}_kept_failed_logins`)).map(
      ([key, points]) => [String(key), Number(points)],
    );

  test.each(['mariadb', 'mysql2'])(
    'driver=%s: a table like the others, which names nobody, purged with them',
    async (driver) => {
      const { failures, namespace } = await open(mariadb, { serviceUrl: server.url, options: { driver } });
      await failures.add(USER);
      await failures.add(USER);
      expect(await countsIn(namespace)).toEqual([[expect.stringMatching(/^[A-Za-z0-9_-]{43}$/), 2]]);
      await mariadbClient.purge(server.url, namespace);
      await refusal(failures.add(USER));
    },
  );

  test('an outage and a silence throw', async () => {
    const { failures } = await open(mariadb, { serviceUrl: server.url });
    await expectOutage(failures, server.crash, server.start);
    const signal = (name: 'SIGSTOP' | 'SIGCONT') => () => server.signal(name);
    await expectOutage(failures, signal('SIGSTOP'), signal('SIGCONT'));
  });

  test('the sweep removes what is over, once anybody counts, and leaves what is not', async () => {
    const context = contextFor(mariadb, { serviceUrl: server.url });
    const store = await openStore(mariadb, context);
    cleanups.push(() => store.close());
    const rows = async () => (await countsIn(context.namespace)).length;
    await server.query(
      `insert into ${context.namespace}_kept_failed_logins select concat('old', seq), 1, 1 from seq_1_to_100`,
    );
    await sleep(A_SWEEP_MS);
    expect(await rows()).toBe(100);
    await countsOf(store).add(USER);
    await expect.poll(rows, { timeout: 15_000, interval: 250 }).toBe(1);
  });
});
