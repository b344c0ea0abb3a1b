import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openStore } from '../open.ts';
import type { OpenContext, SessionStore } from '../store.ts';
import { logInMany } from '../suite/crowd.ts';
import { offered } from '../suite/offered.ts';
import { idOfToken } from '../token.ts';
import { mariadb } from './backend.ts';
import { mariadbClient } from './client.ts';
import { contextFor, type MariadbFixture, startMariadbFixture } from './fixture.ts';
import { sessionSql } from './schema.ts';
import { prefixOf } from './setup.ts';

/** What makes this a store as an expert of MariaDB would write it: plans, pipelines, names of users, sweeps. */

const POOL_SIZE = 4;
const IDLE_SECONDS = 600;
const BACKGROUND_SWEEP_WITHIN_MS = 20_000;
const HELD_MS = 40;

let server: MariadbFixture;
let clockMs = Date.now();
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  server = await startMariadbFixture();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});
afterAll(() => server.stop());

const context = (changes: Partial<OpenContext> = {}) =>
  contextFor({ serviceUrl: server.url, idleSeconds: IDLE_SECONDS, now: () => clockMs, ...changes });

async function open(changes?: Partial<OpenContext>): Promise<SessionStore> {
  const store = await openStore(mariadb, context(changes));
  opened.push(store);
  return store;
}

test('names of users are compared byte by byte, and those that cannot be kept have no login', async () => {
  const store = await open();
  const users = offered(store, 'users');
  const names = [
    'a',
    'A',
    'a ',
    ' a',
    'a\0',
    'á',
    'a\u0301',
    'ß',
    'ss',
    '🦊',
    '🐱',
    '',
    ' ',
    '%',
    "'",
    '\\',
    'x'.repeat(255),
  ];
  for (const name of names) {
    const made = await store.create({ userId: name, role: 'user', data: name });
    expect(made.status).toBe('created');
    expect(await store.read(made.status === 'created' ? made.token : '')).toMatchObject({ userId: name });
  }
  for (const name of names) expect(await users.list(name), JSON.stringify(name)).toHaveLength(1);
  expect(await users.revoke('a')).toBe(1);
  await users.setDisabled('A', true);
  for (const name of ['a ', 'á', '🦊']) expect(await users.list(name)).toHaveLength(1);
  // Either would become the name of somebody else.
  for (const name of ['\ud800', 'x'.repeat(256), `${'x'.repeat(254)}ß`]) {
    expect(await store.create({ userId: name, role: 'user', data: 'd' })).toEqual({ status: 'too-large' });
    expect(await users.list(name)).toEqual([]);
    expect(await users.revoke(name)).toBe(0);
    expect(await users.setDisabled(name, true)).toBe(0);
  }
});

test('plans: read and touch by the primary key, list and the limit by the user', async () => {
  const { namespace } = context();
  const store = await open({ namespace });
  await logInMany(store, 2_000);
  const prefix = prefixOf(namespace, false);
  await server.query(`analyze table ${prefix}sessions`);
  const sql = sessionSql(prefix, false);
  const planOf = async (text: string, values: readonly string[]) => {
    let at = 0;
    const bound = text.replaceAll('?', () => values[at++] ?? 'null');
    const [row = []] = await server.query(`explain ${bound}`);
    return { key: row[5], rows: Number(row[8]) };
  };
  const [[hex] = []] = await server.query(`select hex(id) from ${prefix}sessions limit 1`);
  const id = `x'${hex}'`;
  expect(await planOf(sql.read.text, [id, '0', '0'])).toEqual({ key: 'PRIMARY', rows: 1 });
  expect(await planOf(sql.touch.text, ['1', id, '0', '0'])).toEqual({ key: 'PRIMARY', rows: 1 });
  expect(await planOf(sql.destroy.text, [id, '0', '0'])).toEqual({ key: 'PRIMARY', rows: 1 });
  expect(await planOf(sql.listUser.text, [`'u1'`, '0', '0'])).toEqual({ key: 'sessions_user', rows: 1 });
});

test('three servers that open at once all work, also on what is already there', async () => {
  for (const durability of ['second', 'none'] as const) {
    const { namespace } = context();
    for (let round = 0; round < 2; round += 1) {
      const stores = await Promise.all(
        ['mariadb', 'mysql2', 'mariadb'].map((driver) =>
          open({ namespace, durability, options: { driver } }),
        ),
      );
      const [token] = await logInMany(stores[0] as SessionStore, 1);
      for (const store of stores) expect(await store.read(token ?? '')).toBeDefined();
    }
  }
});

test('what a namespace holds is seen in a dump and purged, and that of another one stays', async () => {
  const [one, other] = [await open({ namespace: 'sb_1' }), await open({ namespace: 'sb_12' })];
  const made = await one.create({ userId: 'someone', role: 'user', data: 'canary' });
  const token = made.status === 'created' ? made.token : '';
  const [kept] = await logInMany(other, 1);
  const dump = await mariadbClient.dump(server.url);
  for (const word of ['someone', 'canary', Buffer.from(idOfToken(token) ?? '', 'base64url').toString('hex')])
    expect(dump).toContain(word);
  expect(dump).not.toContain(token);
  await one.close();
  opened.splice(opened.indexOf(one), 1);
  await mariadbClient.purge(server.url, 'sb_1');
  expect(await mariadbClient.dump(server.url)).not.toContain('canary');
  const names = await server.query(
    `select table_name from information_schema.tables where table_schema = 'bench'
     union select routine_name from information_schema.routines where routine_schema = 'bench'`,
  );
  expect(names.filter(([name]) => String(name).startsWith('sb_1_'))).toEqual([]);
  expect(await other.read(kept ?? '')).toBeDefined();
});

test.each(['mariadb', 'mysql2'])(
  'a server opens as many connections as its pool size says, and no more: driver=%s',
  async (driver) => {
    const store = await open({ options: { driver } });
    const tokens = await logInMany(store, 40);
    await Promise.all(
      tokens.flatMap<Promise<unknown>>((token) => [
        store.read(token),
        store.touch(token),
        store.update(token, 'x'),
      ]),
    );
    const [[count] = []] = await server.query(
      `select count(*) from information_schema.processlist where user = 'bench' and id <> connection_id()`,
    );
    expect(Number(count)).toBe(POOL_SIZE);
  },
);

test('connections have what the statements rely on, whatever the server has', async () => {
  const other = await startMariadbFixture('second', [
    ...[
      '--transaction-isolation=SERIALIZABLE',
      '--character-set-server=latin1',
      '--collation-server=latin1_swedish_ci',
    ],
    ...['--sql-mode=ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH', '--wait-timeout=1', '--autocommit=1'],
  ]);
  opened.push({ close: () => other.stop() });
  for (const driver of ['mariadb', 'mysql2']) {
    const store = await openStore(mariadb, context({ serviceUrl: other.url, options: { driver } }));
    try {
      const made = await store.create({ userId: 'grüße 🦊', role: 'user', data: 'grüße 🦊' });
      const token = made.status === 'created' ? made.token : '';
      await sleep(1_500);
      expect(await store.read(token)).toMatchObject({ userId: 'grüße 🦊', data: 'grüße 🦊', role: 'user' });
      expect(await store.rotate(token, { role: 'admin' })).toMatchObject({ status: 'created' });
    } finally {
      await store.close();
    }
  }
});

test('reads are pipelined by the driver mariadb: ten replies that are each held cost one wait', async () => {
  const slow = await heldReplies(Number(new URL(server.url).port));
  opened.push(slow);
  const tookMs = new Map<string, number>();
  for (const driver of ['mariadb', 'mysql2']) {
    const url = new URL(server.url);
    url.port = String(slow.port);
    // Two connections, for both: one of them for the reads of the first.
    const store = await openStore(
      mariadb,
      context({ serviceUrl: url.href, options: { driver }, poolSize: 2 }),
    );
    const [token = ''] = await logInMany(store, 1);
    await store.read(token);
    const startMs = performance.now();
    await Promise.all(Array.from({ length: 10 }, () => store.read(token)));
    tookMs.set(driver, performance.now() - startMs);
    await store.close();
  }
  console.log(`ten reads with replies held ${HELD_MS} ms: ${JSON.stringify(Object.fromEntries(tookMs))}`);
  expect(tookMs.get('mariadb')).toBeLessThan(4 * HELD_MS);
  expect(tookMs.get('mysql2')).toBeGreaterThan(4 * HELD_MS);
});

/** A relay to a port that holds back what comes from there. */
function heldReplies(target: number): Promise<{ port: number; close(): Promise<void> }> {
  const relay = createServer((client) => {
    const upstream = connect(target, '127.0.0.1').on('error', () => client.destroy());
    client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
    client.pipe(upstream);
    upstream.on('data', (chunk) => setTimeout(() => client.writable && client.write(chunk), HELD_MS));
    upstream.on('close', () => setTimeout(() => client.destroy(), HELD_MS));
  });
  return new Promise((resolve) => {
    relay.listen(0, '127.0.0.1', () => {
      const { port } = relay.address() as { port: number };
      resolve({ port, close: () => new Promise((closed) => relay.close(() => closed())) });
    });
  });
}

test('sweeps of two servers at once remove each row once', async () => {
  const { namespace } = context();
  const [one, two] = [await open({ namespace }), await open({ namespace })];
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
  const store = await open();
  await logInMany(store, 300);
  clockMs += IDLE_SECONDS * 1000;
  const [live] = await logInMany(store, 1);
  await expect
    .poll(async () => (await store.stats()).sessions, { timeout: BACKGROUND_SWEEP_WITHIN_MS, interval: 250 })
    .toBe(1);
  expect(await store.read(live ?? '')).toBeDefined();
});

test('the background sweep walks the table in slices, and begins again at its end', async () => {
  const { namespace } = context();
  const store = await open({ namespace });
  const prefix = prefixOf(namespace, false);
  const { sweepTurn } = sessionSql(prefix, false);
  const fill = `insert into ${prefix}sessions select unhex(sha2(concat(?, seq), 256)), null, 'user', 1, 0, 0, 0, ''
    from seq_1_to_5000`;
  await server.query(fill.replace('?', `'a'`));
  const left = async () => Number((await server.query(`select count(*) from ${prefix}sessions`))[0]?.[0]);
  const turn = () => server.query(sweepTurn.text.replace(/\(.*/, `(1, ${Date.now()}, 0)`));
  const counts: number[] = [];
  for (let turns = 0; turns < 4; turns += 1) {
    await turn();
    counts.push(await left());
  }
  expect(counts).toEqual([2_952, 904, 0, 0]);
  await server.query(fill.replace('?', `'b'`));
  await turn();
  expect(await left()).toBe(2_952);
  await store.close();
  opened.splice(opened.indexOf(store), 1);
});

test('a read does not wait behind an update that waits for a lock', async () => {
  const { namespace } = context();
  for (const driver of ['mariadb', 'mysql2']) {
    const store = await open({ namespace, options: { driver } });
    const [token = ''] = await logInMany(store, 1);
    const release = await server.hold(`select id from ${prefixOf(namespace, false)}sessions for update`);
    const order: string[] = [];
    const update = store.update(token, 'late').then(() => order.push('update'));
    await store.read(token).then(() => order.push('read'));
    await release();
    await update;
    expect(order).toEqual(['read', 'update']);
  }
});

test('a logout ends a session that has expired only by the clock of its server', async () => {
  const { namespace } = context();
  const [ahead, behind] = [
    await open({ namespace, now: () => clockMs + 2 * IDLE_SECONDS * 1000 }),
    await open({ namespace }),
  ];
  const [token = ''] = await logInMany(behind, 1);
  expect(await ahead.read(token)).toBeUndefined();
  expect(await ahead.destroy(token)).toBe(false);
  expect(await behind.read(token)).toBeUndefined();
});
