import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { jwtBlacklist } from '../jwt-blacklist/backend.ts';
import { openStore } from '../open.ts';
import { type SessionStore, StoreUnavailableError } from '../store.ts';
import { contextFor } from '../suite/context.ts';
import { offered } from '../suite/offered.ts';
import { everyCall, expectOutage, logInTo, untilItAnswers } from '../suite/outage.ts';
import { redis } from './backend.ts';
import { type ClusterFixture, SOON_REPLACED, startClusterFixture } from './cluster-fixture.ts';
import type { RedisFixture } from './fixture.ts';
import { taggedSpaces } from './spaces.ts';

/** A node is down after 1 s, then its replica is elected; seen: 1.5 to 4 s. */
const FAILOVER_GUARD_MS = 30_000;
const HANG_GUARD_MS = 2_000;
const NAMESPACE = 't_faults';
const READERS = 8;

let cluster: ClusterFixture;
const stores: SessionStore[] = [];
beforeAll(async () => {
  cluster = await startClusterFixture('second', SOON_REPLACED);
});
afterAll(async () => {
  for (const store of stores) await store.close();
  await cluster.stop();
});

async function open(onBackgroundError: (error: unknown) => void): Promise<SessionStore> {
  const context = contextFor(redis, { serviceUrl: cluster.url, namespace: NAMESPACE, onBackgroundError });
  const store = await openStore(redis, context);
  stores.push(store);
  return store;
}

/** The key of a session, by its token. */
function keyOf(token: string): string {
  const place = taggedSpaces(NAMESPACE).placeOf(token);
  return `${place?.space.sessions}${place?.id}`;
}

test('a slot that moves: no read is wrong, and each call is right or an outage', async () => {
  const reported: unknown[] = [];
  const store = await open((error) => reported.push(error));
  const token = await logInTo(store, 'mover', 'kept');
  const others = await Promise.all(Array.from({ length: 20 }, () => logInTo(store, 'mover', 'other')));
  const [from, to] = await twoPrimaries(keyOf(token));
  const seen = { right: 0, wrong: 0 };
  const wrongCalls: unknown[] = [];
  const logins = new Set(others);
  let moving = true;
  const reading = Array.from({ length: READERS }, async () => {
    while (moving) {
      const session = await store.read(token);
      seen[session?.data === 'kept' ? 'right' : 'wrong'] += 1;
    }
  });
  const writing = (async () => {
    while (moving) {
      const outcome = await offered(store, 'users')
        .list('mover')
        .then(
          (list) => list.length === logins.size + 1,
          (error: unknown) => error,
        );
      if (outcome === false || (outcome !== true && !(outcome instanceof StoreUnavailableError)))
        wrongCalls.push(outcome);
    }
  })();
  for (let round = 0; round < 4; round += 1)
    await move(keyOf(token), ...(round % 2 === 0 ? ([from, to] as const) : ([to, from] as const)));
  moving = false;
  await Promise.all([...reading, writing]);
  expect(seen.wrong).toBe(0);
  expect(seen.right).toBeGreaterThan(100);
  expect(wrongCalls).toEqual([]);
  expect(reported).toEqual([]);
  // All came along, and are ended together.
  expect(await offered(store, 'users').revoke('mover')).toBe(21);
  for (const one of [token, ...others]) expect(await store.read(one)).toBeUndefined();
}, 60_000);

test('the slot of a deny list moves: no call misses what is on the other node', async () => {
  const onBackgroundError = () => undefined;
  const context = contextFor(jwtBlacklist, {
    serviceUrl: cluster.url,
    namespace: 't_list',
    onBackgroundError,
  });
  const store = await openStore(jwtBlacklist, context);
  stores.push(store);
  const tokens = [await logInTo(store), await logInTo(store), await logInTo(store)] as const;
  await store.destroy(tokens[0]);
  const epoch = 't_list:{t_list}:epoch';
  const [from, to] = await twoPrimaries(epoch);
  const finish = await beginMove(epoch, from, to);
  // The one key that each call declared before: the rest is still on the first node.
  await migrate([epoch], from, to);
  const users = offered(store, 'users');
  for (const call of [
    () => users.list('u1'),
    () => users.revoke('u1'),
    () => store.destroy(tokens[1]),
    () => store.create({ userId: 'u1', role: 'user', data: 'd' }, { cap: 1, onCap: 'evict' }),
  ])
    await expect(call()).rejects.toBeInstanceOf(StoreUnavailableError);
  const isOut = (error: unknown) => error instanceof StoreUnavailableError;
  expect(await store.read(tokens[0]).catch(isOut)).toBe(true);
  await finish();
  expect(await store.read(tokens[0])).toBeUndefined();
  expect(await users.list('u1')).toHaveLength(2);
  expect(await users.revoke('u1')).toBe(2);
  for (const token of tokens) expect(await store.read(token)).toBeUndefined();
}, 60_000);

test('a primary killed: outages of its slots alone, never misses; then the same store works', async () => {
  const reported: unknown[] = [];
  const store = await open((error) => reported.push(error));
  const token = await logInTo(store, 'u1');
  const victim = await cluster.primaryOf(keyOf(token));
  // Users whose slots other primaries serve.
  const elsewhere: string[] = [];
  for (let user = 0; elsewhere.length < 5; user += 1) {
    const other = await logInTo(store, `other${user}`);
    if ((await cluster.primaryOf(keyOf(other))) !== victim) elsewhere.push(other);
  }
  // What the replica has not received yet is lost.
  await sleep(200);
  await victim.kill();
  const calls = everyCall(store, token);
  const { read, update, touch, destroy, listUser } = calls;
  await expectOutage(
    { read, update, touch, destroy, listUser, stats: calls['stats'] } as typeof calls,
    HANG_GUARD_MS,
  );
  for (const other of elsewhere) expect(await store.read(other)).toBeDefined();
  await untilItAnswers(() => store.read(token), FAILOVER_GUARD_MS);
  expect(await store.read(token)).toMatchObject({ userId: 'u1', data: 'd' });
  await untilItAnswers(() => store.stats(), FAILOVER_GUARD_MS);
  for (const call of Object.values(everyCall(store, await logInTo(store, 'u1')))) await call();
  expect(reported.length).toBeLessThan(10);
}, 90_000);

async function twoPrimaries(key: string): Promise<[RedisFixture, RedisFixture]> {
  const from = await cluster.primaryOf(key);
  for (let at = 0; ; at += 1) {
    const to = await cluster.primaryOf(`any${at}`);
    if (to !== from) return [from, to];
  }
}

/** As `redis-cli --cluster reshard` moves a slot, with a pause between its keys. */
async function move(key: string, from: RedisFixture, to: RedisFixture): Promise<void> {
  await (await beginMove(key, from, to))();
}

/** Returns what moves the remaining keys of the slot and ends the move. */
async function beginMove(key: string, from: RedisFixture, to: RedisFixture): Promise<() => Promise<void>> {
  const slot = Number(await from.command('CLUSTER', 'KEYSLOT', key));
  const [fromId, toId] = [await from.command('CLUSTER', 'MYID'), await to.command('CLUSTER', 'MYID')].map(
    String,
  );
  await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId ?? '');
  await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId ?? '');
  return async () => {
    for (;;) {
      const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, 1)) as string[];
      if (keys.length === 0) break;
      await migrate(keys, from, to);
      await sleep(10);
    }
    for (const node of [to, from]) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId ?? '');
  };
}

async function migrate(keys: readonly string[], from: RedisFixture, to: RedisFixture): Promise<void> {
  await from.command('MIGRATE', '127.0.0.1', new URL(to.url).port, '', 0, 1_000, 'KEYS', ...keys);
}
