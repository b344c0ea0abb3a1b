import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Durability } from '../store.ts';
import { type RedisFixture, startRedisFixture } from './fixture.ts';

/** A primary with a replica, and three Sentinels that watch it. */
export interface SentinelFixture {
  /** Names the three Sentinels. */
  readonly url: string;
  readonly primary: RedisFixture;
  readonly replica: RedisFixture;
  readonly sentinels: readonly RedisFixture[];
  stop(): Promise<void>;
}

export const PRIMARY_NAME = 'main';
const DOWN_AFTER_MS = 1_000;
const READY_TIMEOUT_MS = 20_000;
const POLL_MS = 50;

/** Starts five redis-servers, in about 3 s: until the Sentinels know each other and the replica. */
export async function startSentinelFixture(
  durability: Durability,
  extra: readonly string[] = [],
): Promise<SentinelFixture> {
  const open: RedisFixture[] = [];
  const keep = async (starting: Promise<RedisFixture>) => {
    const fixture = await starting;
    open.push(fixture);
    return fixture;
  };
  const stop = async () => void (await Promise.all(open.map((one) => one.stop())));
  try {
    const all = ['--repl-diskless-sync-delay', '0', ...extra];
    const primary = await keep(startRedisFixture(durability, all));
    const of = ['--replicaof', '127.0.0.1', new URL(primary.url).port];
    const replica = await keep(startRedisFixture(durability, [...all, ...of]));
    await until(replica, ['INFO', 'replication'], /master_link_status:up/);
    const sentinels = [];
    for (let count = 0; count < 3; count += 1) sentinels.push(await keep(startSentinel(primary.url, 2)));
    for (const one of sentinels) await until(one, ['INFO', 'sentinel'], /slaves=1,sentinels=3/);
    const hosts = sentinels.map(({ url }) => new URL(url).host);
    const url = `redis-sentinel://${hosts.join(',')}/${PRIMARY_NAME}`;
    return { url, primary, replica, sentinels, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One Sentinel of this primary. @param quorum how many must agree that it is down. */
export async function startSentinel(primaryUrl: string, quorum: number): Promise<RedisFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-sentinel-'));
  const file = join(folder, 'sentinel.conf');
  const lines = [
    `sentinel monitor ${PRIMARY_NAME} 127.0.0.1 ${new URL(primaryUrl).port} ${quorum}`,
    `sentinel down-after-milliseconds ${PRIMARY_NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${PRIMARY_NAME} 5000`,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  // The same program, whose first argument is then a file that it also writes to.
  const sentinel = await startRedisFixture('none', [], (args) => {
    const at = args.indexOf('--port');
    return {
      program: 'redis-server',
      args: [file, '--sentinel', ...args.slice(at, at + 4)],
      ready: /# Sentinel ID/,
    };
  });
  const { stop } = sentinel;
  return Object.assign(sentinel, {
    async stop() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  });
}

async function until(node: RedisFixture, command: [string, string], expected: RegExp): Promise<void> {
  let got = '';
  for (const start = Date.now(); Date.now() - start < READY_TIMEOUT_MS; await sleep(POLL_MS)) {
    got = String(await node.command(...command));
    if (expected.test(got)) return;
  }
  throw new Error(`expected ${expected} of ${node.url} within ${READY_TIMEOUT_MS} ms, got ${got}`);
}
