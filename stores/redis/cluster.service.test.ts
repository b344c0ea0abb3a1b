import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { jwtBlacklist } from '../jwt-blacklist/backend.ts';
import { openStore } from '../open.ts';
import { contextFor } from '../suite/context.ts';
import { runModel } from '../suite/model-run.ts';
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
    const { version, settings, notes } = await redisClient.inspect(url);
    expect(version).toMatch(/^\d+\.\d+\.\d+ cluster of 3$/);
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
