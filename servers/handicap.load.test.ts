import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cpuNsOf } from '../bench/environment/machine/cpu.ts';
import { openGuard } from '../bench/environment/processes/guard.ts';
import { buildServer, PROJECT_ROOT } from '../bench/environment/programs.ts';
import { startService } from '../bench/environment/services/start.ts';
import { redisService } from '../stores/redis/service.ts';
import { parseServerConfig, SERVER_CONFIG_ENV, type ServerConfig } from './config.ts';
import { busyWait, checkHandicap } from './handicap.ts';
import type { Handicap } from './protocol.ts';
import { readCookie } from './session-plugin.ts';
import type { StatsMessage } from './stats.ts';

/** A handicapped server as a process, loaded over its socket. */
const CONFIG = { id: 's1', store: 'memory', secret: 'c2VjcmV0', password: 'right', adminPassword: 'root' };
let program = '';
const children: ChildProcess[] = [];
beforeAll(async () => {
  program = await buildServer(PROJECT_ROOT);
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function start(handicap: Handicap | undefined, more: Partial<ServerConfig> = {}) {
  const config = JSON.stringify({ ...CONFIG, ...more, ...(handicap === undefined ? {} : { handicap }) });
  const child = spawn(process.execPath, [program], {
    env: { PATH: process.env['PATH'] ?? '', [SERVER_CONFIG_ENV]: config },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  children.push(child);
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const base = `http://127.0.0.1:${port}`;
  const login = await fetch(`${base}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'u1', password: 'right' }),
  });
  const token = readCookie(login.headers.get('set-cookie') ?? undefined, '__Host-id');
  const headers = { cookie: `__Host-id=${token}` };
  /** Time of one reading, in milliseconds. */
  const read = async (): Promise<number> => {
    const at = performance.now();
    const reply = await fetch(`${base}/session`, { headers });
    expect(((await reply.json()) as { user: string }).user).toBe('u1');
    return performance.now() - at;
  };
  const stats = async (): Promise<StatsMessage> => {
    const answer = once(child, 'message');
    child.send({ type: 'stats' });
    return (await answer)[0] as StatsMessage;
  };
  const cpuMs = () => (cpuNsOf([child.pid ?? 0]) ?? Number.NaN) / 1e6;
  return { base, read, stats, cpuMs };
}

describe('a handicap on the wire', () => {
  test('busyUs burns CPU in every request, and none in health checks', async () => {
    const { base, read, cpuMs } = await start({ busyUs: 50_000 });
    const before = cpuMs();
    for (let index = 0; index < 10; index += 1) await read();
    const burnt = cpuMs() - before;
    const idle = cpuMs();
    for (let index = 0; index < 10; index += 1) await fetch(`${base}/healthz`);
    const spared = cpuMs() - idle;
    // On a busy machine other processes run during part of each wait, which burns no CPU here.
    expect(burnt).toBeGreaterThan(100);
    expect(spared).toBeLessThan(burnt / 2);
  });

  test('sleepMs delays every request, side by side, without CPU', async () => {
    const { read, cpuMs } = await start({ sleepMs: 200 });
    const before = cpuMs();
    const at = performance.now();
    const times = await Promise.all(Array.from({ length: 10 }, read));
    expect(Math.min(...times)).toBeGreaterThan(198);
    expect(performance.now() - at).toBeLessThan(10 * 200);
    expect(cpuMs() - before).toBeLessThan(10 * 200);
  });

  test('a stall delays every n-th request, and the whole server with it', async () => {
    // The login of start() was the first.
    const { base, read } = await start({ stallEveryRequests: 4, stallMs: 300 });
    const stalled: boolean[] = [];
    for (let index = 0; index < 7; index += 1) stalled.push((await read()) > 290);
    expect(stalled).toEqual([false, false, true, false, false, false, true]);
    for (let index = 0; index < 3; index += 1) await read();
    const at = performance.now();
    const slow = read();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await fetch(`${base}/healthz`);
    expect(performance.now() - at).toBeGreaterThan(290);
    await slow;
  });
  test('extraTrips adds that many round trips to the service, only with a token', async () => {
    const guard = await openGuard();
    const directory = guard.createDirectory('handicap');
    const redis = await startService(redisService, {
      tier: 'auto',
      durability: 'none',
      directory: directory.path,
      maxConnections: 10,
      guard,
    });
    try {
      const { read, stats, base } = await start(
        { extraTrips: 3 },
        { store: 'redis', serviceUrl: redis.url, durability: 'none' },
      );
      const before = (await stats()).roundTrips as number;
      for (let index = 0; index < 5; index += 1) await read();
      const after = (await stats()).roundTrips as number;
      expect(after - before).toBe(5 * (1 + 3));
      await fetch(`${base}/session`);
      expect((await stats()).roundTrips).toBe(after);
    } finally {
      await redis.stop();
      await guard.close();
    }
  });
});

describe('the readings', () => {
  test('show a stalled loop once, and reset', async () => {
    const { read, stats } = await start({ stallEveryRequests: 2, stallMs: 400 });
    await stats();
    // Time is counted from the first sample of the loop after the reset.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await read();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const late = (await stats()).loopDelayP99Us ?? 0;
    // The loop was due to be sampled within the first 100 ms of the stall.
    expect(late).toBeGreaterThan(250_000);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await stats()).loopDelayP99Us).toBeLessThan(late / 2);
  });

  test('count the time of garbage collection, which only grows', async () => {
    const { read, stats } = await start(undefined);
    for (let index = 0; index < 1500; index += 1) await read();
    const first = (await stats()).gcNs ?? 0;
    expect(first).toBeGreaterThan(0);
    for (let index = 0; index < 1500; index += 1) await read();
    expect((await stats()).gcNs).toBeGreaterThan(first);
  });
});

describe('a busy-wait', () => {
  test.each([4, 50])('of %i µs takes that much longer than one of nothing', (busyUs) => {
    // Rounds of 10 ms: on a busy machine some of them are not interrupted.
    const calls = 10_000 / busyUs;
    const shortest = (burn: () => void) =>
      Math.min(
        ...Array.from({ length: 9 }, () => {
          const at = performance.now();
          for (let index = 0; index < calls; index += 1) burn();
          return ((performance.now() - at) * 1000) / calls;
        }),
      );
    // The first round is that in which the compiler makes it fast.
    shortest(busyWait(0));
    const longerUs = shortest(busyWait(busyUs)) - shortest(busyWait(0));
    expect(longerUs).toBeGreaterThan(busyUs * 0.8);
    expect(longerUs).toBeLessThan(busyUs * 1.2);
  });
});

describe('a wrong handicap', () => {
  test.each([
    [{ busyus: 4 }, 'no handicap is named busyus'],
    [{ busyUs: '4' }, 'handicap busyUs must be a number'],
    [{ sleepMs: -1 }, 'handicap sleepMs must be a number'],
    [{ stallMs: 5 }, 'stallEveryRequests and stallMs go together'],
  ])('%j is refused', (handicap, words) => {
    expect(() => checkHandicap(handicap as Handicap)).toThrow(words);
    expect(() => parseServerConfig(JSON.stringify({ ...CONFIG, handicap }))).toThrow(words);
  });
});
