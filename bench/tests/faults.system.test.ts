import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { postgresService } from '../../stores/postgres/service.ts';
import { redisService } from '../../stores/redis/service.ts';
import { openGuard } from '../environment/processes/guard.ts';
import type { StartedService } from '../environment/services/service.ts';
import { startService } from '../environment/services/start.ts';
import {
  bench,
  descendants,
  faultsOf,
  isAlive,
  type Running,
  rowsIn,
  type Scratch,
  scratch,
  startBench,
  until,
  untilLoaded,
} from './cli-fixture.ts';

/**
 * Bad input and bad luck, with real processes: one clear line, the right exit code, nothing left behind. No
 * figure is looked at but where a run ends well, so that the others go side by side.
 */
const directory = scratch();
afterAll(directory.remove);
const LONG = ['--sessions', '100', '-c', '4', '-w', '100ms', '-d', '60s'];
const SHORT = ['--sessions', '100', '-c', '4', '-w', '100ms', '-d', '300ms'];

test.each([
  [['--version'], /^\d+\.\d+\.\d+\n$/],
  [['help'], /^Usage: pnpm bench /],
  [['help', 'probe'], /^Usage: pnpm bench probe URL/],
])('%j prints on standard output', async (args, text) => {
  const { code, stdout, stderr } = await bench(args, directory.path);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(text);
});

describe.concurrent('bad input: exit 2, one line, nothing started', () => {
  test.each([
    [['--stor', 'redis'], 'Did you mean --store?'],
    [['--store', 'rediss'], 'Did you mean redis?'],
    [['--out'], 'a value'],
    [['lsit'], 'Did you mean list?'],
    [['run', '--store', 'memory', 'redis'], 'got "redis"'],
    [['--store', 'memory', '--store', 'redis'], 'Write --store memory,redis.'],
    [['--runs', '3'], 'Write --repeat.'],
    [['probe', 'http://127.0.0.1:1/', '-n', '5'], 'Write --duration TIME'],
    [['--balancer', 'none', '--servers', '3'], '--affinity sticky'],
  ])('%j', async (args, word) => {
    const before = directory.leftovers();
    const { code, stdout, stderr } = await bench(args, directory.path);
    expect(stderr).toContain(word);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/^session-bench: (USAGE|CONFLICT): expected .+, got .+\. \S/);
    expect([code, stdout]).toEqual([2, '']);
    expect(directory.leftovers()).toEqual(before);
  });
});

describe.concurrent('a file that cannot be written: nothing started, nothing lost', () => {
  test('one that exists is left as it is', async () => {
    const out = `${directory.path}/mine.csv`;
    writeFileSync(out, 'precious');
    const { code, stderr } = await bench(['--store', 'none', '-o', out, ...SHORT], directory.path);
    expect([code, stderr]).toEqual([1, expect.stringContaining('OUTPUT_UNWRITABLE')]);
    expect(rowsIn(out)).toEqual([]);
  });

  test('a directory that is missing is named', async () => {
    const out = `${directory.path}/no/such/dir.csv`;
    const { code, stderr } = await bench(['--store', 'none', '-o', out, ...SHORT], directory.path);
    expect([code, stderr]).toEqual([1, expect.stringContaining('no such file or directory')]);
  });
});

describe.concurrent('a service that cannot be used', () => {
  test('a closed port is SERVICE_UNREACHABLE, before anything is started', async () => {
    const out = `${directory.path}/closed.csv`;
    const port = await closedPort();
    const args = ['--store', 'redis', '--redis-url', `redis://127.0.0.1:${port}`, '-o', out, ...SHORT];
    const { code, stderr } = await bench(args, directory.path);
    expect([code, stderr]).toEqual([1, expect.stringContaining('SERVICE_UNREACHABLE')]);
    expect(existsSync(out)).toBe(false);
  });

  test('a password is never shown', async () => {
    const port = await closedPort();
    const out = `${directory.path}/secret.csv`;
    const url = `postgres://me:hunter2@127.0.0.1:${port}/db`;
    const result = await bench(
      ['--store', 'postgres', '--postgres-url', url, '-o', out, ...SHORT],
      directory.path,
    );
    expect(result.stderr).toContain('SERVICE_UNREACHABLE');
    expect(`${result.stdout}\n${result.stderr}`).not.toContain('hunter2');
  });
});

describe('an external service', () => {
  test('is measured by its URL, and no data is left on it', async () => {
    const guard = await openGuard();
    const own = guard.createDirectory('foreign');
    chmodSync(own.path, 0o711);
    const request = {
      tier: 'auto',
      durability: 'second',
      directory: own.path,
      maxConnections: 60,
      guard,
    } as const;
    const [redis, postgres] = [
      await startService(redisService, request),
      await startService(postgresService, request),
    ];
    const out = `${directory.path}/foreign.csv`;
    try {
      const urls = ['--redis-url', redis.url, '--postgres-url', postgres.url, '--services', 'url'];
      const stores = 'redis,postgres,jwt-blacklist,jwt-blacklist:db=postgres';
      const result = await bench(['--store', stores, ...urls, '-o', out, ...SHORT], directory.path);
      expect(faultsOf(result, rowsIn(out))).toEqual([]);
      expect(rowsIn(out).map((row) => row['status'])).toEqual(['ok', 'ok', 'ok', 'ok']);
      expect(await keysOn(redis.url)).toBe(0);
      expect(await schemasOn(postgres.url)).toEqual([]);
    } finally {
      await redis.stop();
      await postgres.stop();
      own.remove();
      await guard.close();
    }
  });
});

describe.concurrent('an external service that', () => {
  async function withRedis(work: (redis: StartedService) => Promise<void>): Promise<void> {
    const guard = await openGuard();
    const own = guard.createDirectory('foreign');
    const request = {
      tier: 'auto',
      durability: 'none',
      directory: own.path,
      maxConnections: 60,
      guard,
    } as const;
    const redis = await startService(redisService, request);
    try {
      await work(redis);
    } finally {
      await redis.stop();
      own.remove();
      await guard.close();
    }
  }

  test(
    'has another durability than asked is refused',
    () =>
      withRedis(async (redis) => {
        const args = ['--store', 'redis', '--redis-url', redis.url, '--durability', 'commit'];
        const out = `${directory.path}/durability.csv`;
        const { code, stderr } = await bench([...args, '-o', out, ...SHORT], directory.path);
        expect([code, stderr]).toEqual([
          1,
          expect.stringContaining('--durability commit, got appendonly=no'),
        ]);
      }),
    60_000,
  );

  test(
    'hangs in mid-run does not keep the run from ending on Ctrl-C',
    () =>
      withRedis(async (redis) => {
        const [pid] = (await redis.pids()) as [number];
        const out = `${directory.path}/hangs.csv`;
        const url = ['--redis-url', redis.url, '--durability', 'none'];
        const running = startBench(['--store', 'redis', ...url, '-o', out, ...LONG], directory.path);
        await untilLoaded(running);
        process.kill(pid, 'SIGSTOP');
        try {
          running.child.kill('SIGINT');
          expect((await running.finished).code).toBe(130);
          expect(rowsIn(out).map((row) => row['status'])).toEqual(['interrupted']);
        } finally {
          process.kill(pid, 'SIGCONT');
        }
      }),
    60_000,
  );
});

describe.concurrent('the end in mid-run', () => {
  /** A run of a test's own, with its own directory for temporary files. */
  interface MidRun {
    running: Running;
    out: string;
    leftovers: Scratch['leftovers'];
    /** Processes of this name, or of this command line. */
    below(name: string): number[];
  }

  const directories: Scratch[] = [];
  afterAll(() => {
    for (const { remove } of directories) remove();
  });

  function start(args: readonly string[]): MidRun {
    const own = scratch();
    directories.push(own);
    const out = `${own.path}/run.csv`;
    const running = startBench([...args, '-o', out], own.path);
    const below = (name: string) =>
      descendants(running.child.pid as number).filter(
        (pid) => nameOf(pid) === name || commandOf(pid).includes(name),
      );
    return { running, out, leftovers: own.leftovers, below };
  }

  /** A run that is in its second trial: the first one's row is in the file, everything is up. */
  async function runInSecondTrial(): Promise<MidRun & { pids: number[] }> {
    const first = ['--store', 'redis', '--servers', '2', '--seed', '1', '--repeat', '2'];
    const run = start([...first, ...LONG.slice(0, -1), '2500ms']);
    await until('the first trial to end', () => run.running.stderr().includes('[1/2]'), 60_000);
    const pids = () => descendants(run.running.child.pid as number);
    await until('all processes of the second trial', () => pids().length >= 6, 60_000);
    return { ...run, pids: pids() };
  }

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s keeps finished rows and leaves nothing', async (signal, exitCode) => {
    const { running, pids, out, leftovers } = await runInSecondTrial();
    running.child.kill(signal);
    const { code } = await running.finished;
    expect(code).toBe(exitCode);
    expect(rowsIn(out).map((row) => row['status'])).toEqual(['ok', 'interrupted']);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(leftovers()).toEqual([]);
  });

  test('kill -9 of the harness: everything it started leaves by itself', async () => {
    const { running, pids, out, leftovers } = await runInSecondTrial();
    running.child.kill('SIGKILL');
    await until('all children gone', () => pids.filter(isAlive).length === 0, 10_000);
    await until('temporary files gone', () => leftovers().length === 0, 10_000);
    expect(rowsIn(out).map((row) => row['status'])).toEqual(['ok']);
  });

  test('a store that dies is a failed row, and the run continues with the next trial', async () => {
    const run = start(['--store', 'redis', '--repeat', '2', ...LONG.slice(0, -1), '3s']);
    await untilLoaded(run.running);
    process.kill(run.below('redis-server')[0] as number, 'SIGKILL');
    const { code, stderr } = await run.running.finished;
    expect(code).toBe(1);
    expect(stderr).toContain('SERVICE_DIED');
    expect(rowsIn(run.out).map((row) => row['status'])).toEqual(['failed', 'ok']);
    expect(run.leftovers()).toEqual([]);
  });

  test('a server that dies is a failed row', async () => {
    const run = start(['--store', 'none', ...LONG]);
    await untilLoaded(run.running);
    process.kill(run.below('/server-')[0] as number, 'SIGKILL');
    const { code, stderr } = await run.running.finished;
    expect([code, stderr]).toEqual([1, expect.stringContaining('SERVER_FAILED')]);
    expect(rowsIn(run.out)[0]?.['status']).toBe('failed');
    expect(run.leftovers()).toEqual([]);
  });
});

test('nothing is left in the directory for temporary files', () => {
  expect(directory.leftovers()).toEqual([]);
  expect(existsSync(directory.path)).toBe(true);
});

async function keysOn(url: string): Promise<number> {
  const client = new Redis(url);
  const count = await client.dbsize();
  client.disconnect();
  return count;
}

async function schemasOn(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(
    "select nspname from pg_namespace where nspname ~ '^(sessions|denials)'",
  );
  await client.end();
  return rows.map((row: { nspname: string }) => row.nspname);
}

function closedPort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function commandOf(pid: number): string {
  return readProc(`/proc/${pid}/cmdline`);
}

function nameOf(pid: number): string {
  return readProc(`/proc/${pid}/comm`).trim();
}

function readProc(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
