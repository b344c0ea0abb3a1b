import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openStore } from '../open.ts';
import type { OpenContext, SessionStore } from '../store.ts';
import { expectBansToHold, logInMany } from '../suite/crowd.ts';
import { offered } from '../suite/offered.ts';
import { postgres } from './backend.ts';
import { type PostgresFixture, startPostgresFixture } from './fixture.ts';
import { sessionSql } from './schema.ts';
import { schemaName } from './setup.ts';

/** What makes this a store as an expert of Postgres would write it: plans, HOT updates, connections, sweeps. */

const POOL_SIZE = 4;
const IDLE_SECONDS = 600;
const BACKGROUND_SWEEP_WITHIN_MS = 20_000;

let server: PostgresFixture;
let clockMs = Date.now();
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  server = await startPostgresFixture();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});
afterAll(() => server.stop());

const freshNamespace = () => `x${randomBytes(6).toString('hex')}`;

function context(namespace: string, changes: Partial<OpenContext> = {}): OpenContext {
  return {
    options: {},
    durability: 'second',
    serviceUrl: server.url,
    namespace,
    poolSize: POOL_SIZE,
    idleSeconds: IDLE_SECONDS,
    absoluteSeconds: 3600,
    touchIntervalSeconds: 0,
    accessSeconds: 60,
    secret: randomBytes(32),
    maxTokenBytes: 4000,
    controlData: () => '',
    now: () => clockMs,
    onBackgroundError: (error) => {
      throw error;
    },
    ...changes,
  };
}

async function open(namespace: string, changes?: Partial<OpenContext>): Promise<SessionStore> {
  const store = await openStore(postgres, context(namespace, changes));
  opened.push(store);
  return store;
}

const sessionsOf = (namespace: string) => `${schemaName('sessions', namespace, false)}.sessions`;

test('touches and updates are HOT: more than 90 % of them write no index', async () => {
  const namespace = freshNamespace();
  const store = await open(namespace);
  const tokens = await logInMany(store, 100);
  for (let round = 0; round < 10; round += 1) {
    clockMs += 1000;
    await Promise.all(tokens.map((token) => store.touch(token)));
    await Promise.all(tokens.map((token) => store.update(token, 'e'.repeat(256))));
  }
  // A back end reports its counts when it ends, at the latest.
  await store.close();
  opened.length = 0;
  await expect.poll(async () => (await tableCounts(namespace)).updates, { timeout: 10_000 }).toBe(2_000);
  const { updates, hot } = await tableCounts(namespace);
  console.log(`HOT updates: ${hot} of ${updates} (${((100 * hot) / updates).toFixed(1)} %)`);
  expect(hot / updates).toBeGreaterThan(0.9);
});

async function tableCounts(namespace: string): Promise<{ updates: number; hot: number }> {
  const [row] = await server.query(
    'select n_tup_upd, n_tup_hot_upd from pg_stat_all_tables where relid = $1::regclass',
    [sessionsOf(namespace)],
  );
  return { updates: Number(row?.['n_tup_upd']), hot: Number(row?.['n_tup_hot_upd']) };
}

test('plans: read and touch by the primary key, list by the user, a turn of the sweep by a range of blocks', async () => {
  const namespace = freshNamespace();
  const store = await open(namespace);
  await logInMany(store, 2_000);
  await server.query(`analyze ${sessionsOf(namespace)}`);
  const sql = sessionSql(schemaName('sessions', namespace, false), false);
  const plan = async (text: string, values: unknown[]) =>
    (await server.query(`explain (costs off) ${text}`, values)).map((row) => row['QUERY PLAN']).join('\n');
  const id = randomBytes(32);
  expect(await plan(sql.read.text, [id, 0, 0])).toContain('Index Scan using sessions_pkey');
  expect(await plan(sql.touch.text, [id, 0, 0])).toContain('Index Scan using sessions_pkey');
  expect(await plan(sql.listUser.text, ['u1', 0, 0])).toContain('sessions_user');
  const slice = `select id from ${sessionsOf(namespace)} where ctid >= format('(%s,0)', 0)::tid
                 and ctid < format('(%s,0)', 2)::tid and not (touched_ms > 0) limit 10 for update skip locked`;
  expect(await plan(slice, [])).toContain('Tid Range Scan');
});

test('three servers that open at once all work, also on what is already there', async () => {
  const namespace = freshNamespace();
  for (let round = 0; round < 2; round += 1) {
    const stores = await Promise.all([open(namespace), open(namespace), open(namespace)]);
    const [token] = await logInMany(stores[0], 1);
    for (const store of stores) expect(await store.read(token ?? '')).toBeDefined();
  }
});

test('a server opens as many connections as its pool size says, and no more', async () => {
  for (const options of [{}, { reads: 'pool' }, { touch: 'async' }]) {
    const store = await open(freshNamespace(), { options });
    const tokens = await logInMany(store, 50);
    await Promise.all(
      tokens.flatMap((token) => [store.read(token), store.touch(token), store.update(token, 'x')]),
    );
    const [row] = await server.query(
      `select count(*) from pg_stat_activity where application_name = 'session-bench'`,
    );
    expect(Number(row?.['count']), JSON.stringify(options)).toBe(POOL_SIZE);
    await store.close();
    opened.length = 0;
  }
});

test('sweeps of two servers at once remove each row once', async () => {
  const namespace = freshNamespace();
  const [one, two] = [await open(namespace), await open(namespace)];
  await logInMany(one, 500);
  clockMs += IDLE_SECONDS * 1000;
  const [live] = await logInMany(one, 1);
  let removed = 0;
  for (let round = 0; round < 10; round += 1)
    removed += (await Promise.all([offered(one, 'sweep')(100), offered(two, 'sweep')(100)])).reduce(
      (sum, n) => sum + n,
    );
  expect(removed).toBe(500);
  expect(await one.stats()).toMatchObject({ sessions: 1 });
  expect(await two.read(live ?? '')).toBeDefined();
});

test('expired sessions go without anybody asking', async () => {
  const namespace = freshNamespace();
  const store = await open(namespace);
  await logInMany(store, 300);
  clockMs += IDLE_SECONDS * 1000;
  const [live] = await logInMany(store, 1);
  await expect
    .poll(async () => (await store.stats()).sessions, { timeout: BACKGROUND_SWEEP_WITHIN_MS, interval: 250 })
    .toBe(1);
  expect(await store.read(live ?? '')).toBeDefined();
});

test('no login slips past disabling its user', async () => {
  const namespace = freshNamespace();
  await expectBansToHold(await open(namespace), await open(namespace));
});

test('a read does not wait behind an update that waits for a lock', async () => {
  const namespace = freshNamespace();
  const store = await open(namespace);
  const [token] = await logInMany(store, 1);
  const locked = server.query(
    `begin; select id from ${sessionsOf(namespace)} for update; select pg_sleep(0.5); commit`,
  );
  await sleep(100);
  const order: string[] = [];
  const update = store.update(token ?? '', 'late').then(() => order.push('update'));
  await store.read(token ?? '').then(() => order.push('read'));
  await Promise.all([update, locked]);
  expect(order).toEqual(['read', 'update']);
});
