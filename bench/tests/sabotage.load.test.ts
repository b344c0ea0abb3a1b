import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, test } from 'vitest';
import { redisService } from '../../stores/redis/service.ts';
import { openGuard } from '../environment/processes/guard.ts';
import { startService } from '../environment/services/start.ts';
import {
  bench,
  descendants,
  isAlive,
  type Running,
  rowsIn,
  scratch,
  startBench,
  until,
  untilLoaded,
} from './cli-fixture.ts';

/**
 * Sabotage of a running measurement, by real means: it must end INVALID, with the reason, or as failed; never with a
 * figure that looks sound.
 */
const directory = scratch();
afterAll(directory.remove);
/** Longer than the warm-up, whose replies are not judged. */
const WARM_MS = 2_000;
const BASE = ['--balancer', 'none', '--sessions', '100', '-c', '8', '-w', '300ms'];

describe('work of others', () => {
  test('a processor hog makes the block INVALID: rule 4, exit 4, no ranking', async () => {
    const hogs = Array.from({ length: availableParallelism() + 1 }, () =>
      spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
    );
    try {
      const out = `${directory.path}/hog.csv`;
      const args = ['--store', 'none,jwt', '-d', '1s', '-o', out, ...BASE];
      const { code, stdout, stderr } = await bench(args, directory.path);
      expect(code).toBe(4);
      expect(stderr).toContain('INVALID');
      const rows = rowsIn(out);
      expect(rows).toHaveLength(2);
      for (const row of rows) {
        expect(row).toMatchObject({ status: 'ok', valid: 'false' });
        expect(row['invalid_reason']).toMatch(/other work took \d+.* % of the processors/);
        expect(Number(row['foreign_cpu_pct'])).toBeGreaterThan(25);
      }
      expect(stdout).not.toMatch(/less CPU per request than/);
    } finally {
      for (const hog of hogs) hog.kill('SIGKILL');
    }
  });
});

describe('a load generator that is starved', () => {
  test('is noticed by its lateness in an open loop: rule 2', async () => {
    const out = `${directory.path}/starved.csv`;
    const args = ['--store', 'none', '--rate', '200', '-d', '4s', '-o', out, ...BASE];
    const running = startBench(args, directory.path);
    const generator = await pidOf(running, /generator-\w+\.mjs/);
    let isStopped = false;
    const timer = setInterval(() => {
      isStopped = !isStopped;
      // It ends before the harness does.
      if (isAlive(generator)) process.kill(generator, isStopped ? 'SIGSTOP' : 'SIGCONT');
    }, 60);
    running.child.once('exit', () => clearInterval(timer));
    try {
      const { code } = await running.finished;
      expect(code).toBe(4);
      expect(rowsIn(out)[0]?.['invalid_reason']).toMatch(/lateness of sending p9|achieved/);
    } finally {
      clearInterval(timer);
    }
  });

  test('one that cannot reach 1.3 times the rate here is named: rule 3', async () => {
    const out = `${directory.path}/headroom.csv`;
    const args = ['--store', 'none', '--rate', '500000', '-d', '500ms', '-o', out, ...BASE];
    const { code } = await bench(args, directory.path);
    expect(code).toBe(4);
    expect(rowsIn(out)[0]?.['invalid_reason']).toMatch(/the generator reaches [\d,]+ requests\/s here/);
  });
});

describe('a store that dies or forgets', () => {
  test('killed in mid-run: its arm failed, the others are dropped with their block, exit 1', async () => {
    const out = `${directory.path}/dead.csv`;
    const running = startBench(['--store', 'none,redis', '-d', '20s', '-o', out, ...BASE], directory.path);
    const redis = await pidOf(running, /redis-server .*:\d+/);
    await untilLoaded(running);
    process.kill(redis, 'SIGKILL');
    const { code, stderr } = await running.finished;
    expect(code).toBe(1);
    expect(stderr).toContain('SERVICE_DIED');
    const rows = rowsIn(out);
    expect(rows.find((row) => row['store'] === 'redis')).toMatchObject({
      status: 'failed',
      valid: 'false',
      rps_ok: '',
    });
    const other = rows.find((row) => row['store'] === 'none');
    expect(other).toMatchObject({ valid: 'false', rps_ok: '' });
    expect(other?.['invalid_reason']).toContain('block dropped: redis');
  });

  test('one with wrong replies, for its sessions are gone, is INVALID: rule 1', async () => {
    const guard = await openGuard();
    const own = guard.createDirectory('sabotage');
    const redis = await startService(redisService, {
      tier: 'auto',
      durability: 'second',
      directory: own.path,
      maxConnections: 60,
      guard,
    });
    const client = new Redis(redis.url);
    try {
      const out = `${directory.path}/wrong.csv`;
      const args = ['--store', 'none,redis', '--redis-url', redis.url, '-d', '5s', '-o', out, ...BASE];
      const running = startBench(args, directory.path);
      await untilLoaded(running);
      await setTimeout(WARM_MS);
      await client.flushall();
      const { code } = await running.finished;
      expect(code).toBe(4);
      const rows = rowsIn(out);
      expect(rows.map((row) => row['valid'])).toEqual(['false', 'false']);
      expect(rows.find((row) => row['store'] === 'redis')?.['invalid_reason']).toContain('replies 4xx');
      // Its own reason stands first, if the machine was disturbed as well.
      expect(rows.find((row) => row['store'] === 'none')?.['invalid_reason']).toMatch(
        /block dropped: redis|steal:|other work/,
      );
    } finally {
      client.disconnect();
      await redis.stop();
      own.remove();
      await guard.close();
    }
  });
});

/** The pid of the process below this run whose command line matches, once there is one. */
async function pidOf(running: Running, pattern: RegExp): Promise<number> {
  let found: number | undefined;
  await until(
    `a process of ${pattern}`,
    () => {
      found = descendants(running.child.pid as number).find((pid) => pattern.test(commandLine(pid)));
      return found !== undefined;
    },
    60_000,
  );
  return found as number;
}

function commandLine(pid: number): string {
  const path = `/proc/${pid}/cmdline`;
  return existsSync(path) ? readFileSync(path, 'utf8').replaceAll('\0', ' ') : '';
}
