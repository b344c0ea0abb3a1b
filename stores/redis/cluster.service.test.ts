import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jwtBlacklist } from '../jwt-blacklist/backend.ts';
import { openStore } from '../open.ts';
import type { SessionStore } from '../store.ts';
import { contextFor } from '../suite/context.ts';
import { runModel } from '../suite/model-run.ts';
import { offered } from '../suite/offered.ts';
import { logInTo } from '../suite/outage.ts';
import { printSeed } from '../suite/seed.ts';
import { describeStore } from '../suite/store-suite.ts';
import { redis } from './backend.ts';
import { redisClient } from './client.ts';
import { type ClusterFixture, startClusterFixture } from './cluster-fixture.ts';

const seed = printSeed('cluster');
let cluster: ClusterFixture;
beforeAll(async () => {
  cluster = await startClusterFixture('second');
});
afterAll(() => cluster.stop());

const serviceUrl = async () => cluster.url;
describeStore('redis, cluster', { definition: redis, serviceUrl });
describeStore('redis, cluster, commands gathered', {
  definition: redis,
  options: { pipelining: 'auto' },
  serviceUrl,
});
describeStore('jwt-blacklist, cluster', { definition: jwtBlacklist, serviceUrl });

test('random calls do what the model does', async () => {
  for (const [definition, runs] of [
    [redis, 40],
    [jwtBlacklist, 10],
  ] as const) {
    const details = await runModel({ definition, options: {}, serviceUrl: cluster.url }, { seed, runs });
    expect(details.failed, fc.defaultReportMessage(details)).toBe(false);
  }
});

describe('a login from an anonymous session, whose user is in another slot', () => {
  let store: SessionStore;
  beforeAll(async () => {
    store = await openStore(redis, contextFor(redis, { serviceUrl: cluster.url }));
  });
  afterAll(() => store.close());
  const visit = async () => {
    const made = await store.create({ role: 'user', data: 'cart' });
    if (made.status !== 'created') throw new Error(`expected a session, got ${made.status}`);
    return made.token;
  };

  test('an update in flight is kept, or refused', async () => {
    let kept = 0;
    for (let round = 0; round < 100; round += 1) {
      const old = await visit();
      const rotating = store.rotate(old, { userId: `updater${round}` });
      await pauseUpTo(round);
      const updated = await store.update(old, 'late');
      const rotated = await rotating;
      const token = rotated?.status === 'created' ? rotated.token : '';
      const data = (await store.read(token))?.data;
      expect(data).toBe(updated.status === 'ok' ? 'late' : 'cart');
      if (updated.status === 'ok') kept += 1;
      expect(await store.read(old)).toBeUndefined();
    }
    expect(kept).toBeGreaterThan(0);
  });

  test('a touch in flight changes nothing of the new session', async () => {
    let nowMs = Date.now();
    const own = await openStore(redis, contextFor(redis, { serviceUrl: cluster.url, now: () => nowMs }));
    for (let round = 0; round < 50; round += 1) {
      const made = await own.create({ role: 'user', data: 'cart' });
      const old = made.status === 'created' ? made.token : '';
      // Within a millisecond of its creation a touch would write what is there.
      nowMs += 5_000;
      const rotating = own.rotate(old, { userId: `toucher${round}` });
      await pauseUpTo(round);
      await own.touch(old);
      const rotated = await rotating;
      const token = rotated?.status === 'created' ? rotated.token : '';
      expect(await own.read(token)).toMatchObject({ data: 'cart', version: 1 });
    }
    await own.close();
  });

  test('a logout in flight wins, or comes too late; of several logins one wins', async () => {
    let ended = 0;
    for (let round = 0; round < 50; round += 1) {
      const old = await visit();
      const userId = `racer${round}`;
      const rotating = Promise.all(Array.from({ length: 4 }, () => store.rotate(old, { userId })));
      await pauseUpTo(round);
      const isEnded = await store.destroy(old);
      const won = (await rotating).filter((result) => result?.status === 'created');
      expect(won).toHaveLength(isEnded ? 0 : 1);
      expect(await offered(store, 'users').list(userId)).toHaveLength(isEnded ? 0 : 1);
      if (isEnded) ended += 1;
    }
    expect(ended).toBeGreaterThan(0);
  });

  test('refused by the limit, the visitor keeps the old session, and may try again', async () => {
    await logInTo(store, 'full');
    const old = await visit();
    const limit = { cap: 1, onCap: 'refuse' } as const;
    expect(await store.rotate(old, { userId: 'full' }, limit)).toEqual({ status: 'limit' });
    expect(await store.read(old)).toMatchObject({ data: 'cart' });
    expect(await store.rotate(old, { userId: 'full' }, { cap: 2, onCap: 'refuse' })).toMatchObject({
      status: 'created',
    });
  });
});

/** Some µs to ms, so that calls meet at each step. */
async function pauseUpTo(round: number): Promise<void> {
  const startMs = performance.now();
  while (performance.now() - startMs < (round % 10) / 5) await setImmediate();
}

test('it is inspected as a whole, by any node: size, dump and removal are those of all primaries', async () => {
  const namespace = 'sb_whole';
  const store = await openStore(redis, contextFor(redis, { serviceUrl: cluster.url, namespace }));
  for (let user = 0; user < 30; user += 1) await logInTo(store, `user${user}`);
  const { sessions } = await store.stats();
  await store.close();
  const sizes = async () => {
    const all = await Promise.all(cluster.nodes.map((node) => node.command('DBSIZE')));
    return all.reduce<number>((sum, size) => sum + Number(size), 0);
  };
  // Each primary has a replica.
  await expect.poll(sizes).toBe(2 * (sessions ?? 0));
  for (const { url } of cluster.nodes) {
    const { version, settings, notes, servers } = await redisClient.inspect(url);
    expect(version).toMatch(/^\d+\.\d+\.\d+ cluster of 3$/);
    expect(servers).toBe(3);
    expect(settings).toMatchObject({ appendonly: 'yes', appendfsync: 'everysec' });
    expect(notes).toEqual(['a cluster of 3 primaries and 3 replicas']);
  }
  const { url } = cluster;
  const dump = await redisClient.dump(url);
  expect(dump.split('\n').filter((line) => line.startsWith(`${namespace}:{`))).toHaveLength(60);
  expect(await redisClient.dataBytes(url)).toBeGreaterThan(3_000_000);
  expect(await redisClient.settle(url)).toEqual([]);
  const serving = await redisClient.inspectProcess(url, (found) => found);
  const pids = [serving?.pid, ...(serving?.others ?? [])];
  expect(new Set(pids)).toEqual(new Set(cluster.nodes.map(({ pid }) => pid)));
  await redisClient.purge(url, namespace);
  expect(await redisClient.dump(url)).not.toContain(namespace);
});

test('refused: a database, a primary with other settings, and one that evicts', async () => {
  const refusal = (expected: RegExp, got: RegExp) => ({
    kind: 'refused',
    message: expect.stringMatching(got),
    advice: { expected: expect.stringMatching(expected), remedy: expect.any(String) },
  });
  const { url } = cluster;
  await expect(redisClient.inspect(`${url}/1`)).rejects.toMatchObject(refusal(/another database/, /has one/));
  const primary = await cluster.primaryOf('any');
  for (const [name, other, usual, expected] of [
    ['appendfsync', 'always', 'everysec', refusal(/same settings/, /^appendfsync .*always/)],
    ['maxmemory-policy', 'allkeys-lru', 'noeviction', refusal(/evict nothing/, /allkeys-lru/)],
  ] as const) {
    await primary.command('CONFIG', 'SET', name, other);
    await expect(redisClient.inspect(url)).rejects.toMatchObject(expected);
    await primary.command('CONFIG', 'SET', name, usual);
  }
  await expect(redisClient.inspect(url)).resolves.toBeDefined();
});
