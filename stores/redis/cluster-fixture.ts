import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../free-port.ts';
import type { Durability } from '../store.ts';
import { type RedisFixture, startRedisFixture } from './fixture.ts';

/** A test's own cluster: three primaries with a replica each. */
export interface ClusterFixture {
  /** Of the first node. */
  readonly url: string;
  readonly nodes: readonly RedisFixture[];
  /** The node that serves a key now, by what another node says. @throws when no node that runs serves it. */
  primaryOf(key: string): Promise<RedisFixture>;
  /** Waits until all slots are served, by what each of these nodes says. */
  untilItServes(nodes?: readonly RedisFixture[]): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Settings with which a node that does not reply is replaced after a second, for what looks at failovers. A node of a
 * busy machine may be late for as long, and a failover loses what its replica had not received: other tests keep the
 * 15 s that are the default of Redis.
 */
export const SOON_REPLACED: readonly string[] = ['--cluster-node-timeout', '1000'];
const SERVES_TIMEOUT_MS = 20_000;
const POLL_MS = 50;

/** Starts six redis-servers and makes them a cluster, in about 3 s. @throws with what redis-cli says. */
export async function startClusterFixture(
  durability: Durability,
  extra: readonly string[] = [],
): Promise<ClusterFixture> {
  const started = await Promise.allSettled(Array.from({ length: 6 }, () => startNode(durability, extra)));
  const nodes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = async () => void (await Promise.all(nodes.map((node) => node.stop())));
  const fixture: ClusterFixture = {
    url: nodes[0]?.url ?? '',
    nodes,
    primaryOf: (key) => primaryOf(nodes, key),
    async untilItServes(asked = nodes) {
      for (const node of asked) await untilOk(node);
    },
    stop,
  };
  try {
    const failed = started.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    const addresses = nodes.map(({ url }) => new URL(url).host);
    const options = ['--cluster-replicas', '1', '--cluster-yes'];
    await promisify(execFile)('redis-cli', ['--cluster', 'create', ...addresses, ...options]);
    await fixture.untilItServes();
    for (const node of nodes) await untilLinked(node);
    return fixture;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startNode(durability: Durability, extra: readonly string[]): Promise<RedisFixture> {
  // Its default is the port plus 10,000, which may be none.
  const busPort = String(await freePort('127.0.0.1'));
  return startRedisFixture(durability, [
    ...['--cluster-enabled', 'yes', '--cluster-port', busPort],
    ...['--repl-diskless-sync-delay', '0', ...extra],
  ]);
}

async function primaryOf(nodes: readonly RedisFixture[], key: string): Promise<RedisFixture> {
  for (const node of nodes) {
    if (!node.isRunning()) continue;
    const slot = Number(await node.command('CLUSTER', 'KEYSLOT', key));
    const ranges = (await node.command('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    const port = ranges.find(([first, last]) => first <= slot && slot <= last)?.[2][1];
    const found = nodes.find(({ url }) => new URL(url).port === String(port));
    if (found !== undefined) return found;
  }
  throw new Error(`expected a node that serves ${key}, got none`);
}

async function untilOk(node: RedisFixture): Promise<void> {
  await until(node, ['CLUSTER', 'INFO'], /cluster_state:ok/);
}

/** A replica that has not copied its primary yet cannot follow it. */
async function untilLinked(node: RedisFixture): Promise<void> {
  await until(
    node,
    ['INFO', 'replication'],
    /role:master[\s\S]*connected_slaves:[1-9]|master_link_status:up/,
  );
}

async function until(node: RedisFixture, command: [string, string], expected: RegExp): Promise<void> {
  let got = '';
  for (const start = Date.now(); Date.now() - start < SERVES_TIMEOUT_MS; await sleep(POLL_MS)) {
    got = String(await node.command(...command));
    if (expected.test(got)) return;
  }
  throw new Error(`expected ${expected} of ${node.url} within ${SERVES_TIMEOUT_MS} ms, got ${got}`);
}
