/**
 * Measures how long an ended login is accepted by any of several servers, under load: logs users out, each through one
 * server, and polls every server until it refuses, while reads arrive at a share of what the servers can do. Usage: pnpm
 * exec tsx scripts/revocation-under-load.ts [--options check=pushed+lib=fast-jwt] [--servers 3] [--revocations 1000]
 * [--unmeasured 200] [--every-ms 20] [--share 0.5] [--connections 24] [--rows FILE.csv]. Exit code 1 when p99 exceeds
 * --limit-ms (50) or a server never refused. The first revocations, which run code that is not compiled yet, are told
 * apart. The servers, Redis, the load and the polls share the machine. Linux only.
 */

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { buildServer, PROJECT_ROOT } from '../bench/environment/programs.ts';
import { type Client, createClient } from '../bench/load/client.ts';
import { SERVER_CONFIG_ENV } from '../servers/config.ts';
import { SESSION_COOKIE, userName } from '../servers/protocol.ts';
import { readCookie } from '../servers/session-plugin.ts';
import { startRedisFixture } from '../stores/redis/fixture.ts';
import type { LoadOrder, LoadReport } from './revocation-load.ts';
import { type Cell, writeRows } from './rows.ts';

ignoreClosedPipes();

const { values } = parseArgs({
  options: {
    options: { type: 'string', default: 'check=pushed+lib=fast-jwt' },
    servers: { type: 'string', default: '3' },
    revocations: { type: 'string', default: '1000' },
    unmeasured: { type: 'string', default: '200' },
    'every-ms': { type: 'string', default: '20' },
    share: { type: 'string', default: '0.5' },
    connections: { type: 'string', default: '24' },
    'limit-ms': { type: 'string', default: '50' },
    rows: { type: 'string' },
  },
});
for (const name of ['servers', 'revocations', 'unmeasured', 'every-ms', 'connections', 'limit-ms'] as const) {
  if (/^\d+$/.test(values[name])) continue;
  console.error(`revocation-under-load: expected --${name} to be a whole number, got '${values[name]}'`);
  process.exit(2);
}
const [measured, unmeasured, everyMs, limitMs] = [
  values.revocations,
  values.unmeasured,
  values['every-ms'],
  values['limit-ms'],
].map(Number) as [number, number, number, number];
const revocations = unmeasured + measured;
const PASSWORD = 'right';
const WARM_UP_MS = 4_000;
const CAPACITY_MS = 4_000;
/** A server that accepts an ended login for longer counts as one that never refuses. */
const GIVE_UP_MS = 10_000;
/** Time before and after the revocations, in which there is load as well. */
const MARGIN_MS = 1_000;

let unavailable = 0;

interface Server {
  child: ChildProcess;
  port: number;
}

const redis = await startRedisFixture('second');
const children: ChildProcess[] = [];
const client = createClient(64);
try {
  const servers = await startServers(Number(values.servers));
  const load = fork(fileURLToPath(new URL('revocation-load.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
  });
  children.push(load);
  await measure(servers, load);
} finally {
  client.close();
  for (const child of children) child.kill('SIGKILL');
  await redis.stop();
}

async function measure(servers: readonly Server[], load: ChildProcess): Promise<void> {
  const bases = servers.map(({ port }) => `http://127.0.0.1:${port}`);
  const cookies: string[] = [];
  for (let index = 0; index <= revocations; index += 1)
    cookies.push(await logIn(client, bases[index % bases.length] as string, userName(index)));
  const [loaded, ...ended] = cookies as [string, ...string[]];
  const order = {
    ports: servers.map(({ port }) => port),
    cookie: loaded,
    connections: Number(values.connections),
  };
  await runLoad(load, { ...order, durationMs: WARM_UP_MS });
  const full = await runLoad(load, { ...order, durationMs: CAPACITY_MS });
  const capacity = full.requests / (CAPACITY_MS / 1_000);
  const rate = capacity * Number(values.share);
  const durationMs = revocations * everyMs + 2 * MARGIN_MS;
  const loading = runLoad(load, { ...order, rate, durationMs });
  await sleep(MARGIN_MS);
  const startMs = performance.now();
  const rows = await Promise.all(
    ended.map(async (cookie, index) => {
      await sleep(startMs + index * everyMs - performance.now());
      return revoke(bases, cookie, index);
    }),
  );
  const tookMs = performance.now() - startMs;
  report(rows, { capacity, rate, tookMs, load: await loading });
}

/** From the moment the logout is sent until each server has refused, ms; Infinity where it never did. */
async function revoke(bases: readonly string[], cookie: string, index: number): Promise<number[]> {
  let sentMs = performance.now();
  const logOut = () => client.send(bases[index % bases.length] as string, 'POST', '/logout', { cookie });
  // Redis came too late, on a machine with other work: it is not acknowledged, and is sent again.
  for (let reply = await logOut(); reply.status !== 200; reply = await logOut()) {
    if (reply.status !== 503) throw new Error(`expected a logout, got ${reply.status}`);
    unavailable += 1;
    sentMs = performance.now();
  }
  return Promise.all(
    bases.map(async (base) => {
      while (performance.now() - sentMs < GIVE_UP_MS) {
        const { status } = await client.send(base, 'GET', '/session', { cookie });
        if (status === 401) return performance.now() - sentMs;
        await sleep(1);
      }
      return Number.POSITIVE_INFINITY;
    }),
  );
}

interface Around {
  capacity: number;
  rate: number;
  tookMs: number;
  load: LoadReport;
}

function report(rows: readonly number[][], { capacity, rate, tookMs, load }: Around): void {
  const slowest = rows.map((times) => Math.max(...times));
  const cold = sorted(slowest.slice(0, unmeasured));
  const everywhere = sorted(slowest.slice(unmeasured));
  const at = (share: number, of = everywhere) => of[Math.ceil(share * of.length) - 1] as number;
  const never = slowest.filter((ms) => ms === Number.POSITIVE_INFINITY).length;
  process.stdout.write(
    `${values.options}: ${everywhere.length} revocations after ${cold.length} in ${(tookMs / 1_000).toFixed(1)} s, ${values.servers} servers; ` +
      `capacity ${Math.round(capacity)}/s, load ${Math.round(rate)}/s ` +
      `(${load.requests} replies, ${load.failures} failed, ${load.late} times no connection was free)\n` +
      `refused everywhere after p50 ${at(0.5).toFixed(1)}, p99 ${at(0.99).toFixed(1)}, max ${at(1).toFixed(1)} ms; ` +
      `never: ${never}; logouts sent again after a 503: ${unavailable}\n` +
      (cold.length === 0
        ? ''
        : `of the first ${cold.length}: p50 ${at(0.5, cold).toFixed(1)}, p99 ${at(0.99, cold).toFixed(1)} ms\n`),
  );
  const head = [
    'options',
    'revocation',
    'measured',
    'capacity_per_s',
    'rate_per_s',
    ...(rows[0]?.map((_, n) => `s${n + 1}_ms`) ?? []),
  ];
  const cells: Cell[][] = rows.map((times, index) => [
    values.options,
    index,
    Number(index >= unmeasured),
    capacity,
    rate,
    ...times,
  ]);
  writeRows(values.rows, head, cells);
  if (at(0.99) > limitMs || never > 0 || load.failures > 0) process.exitCode = 1;
}

function sorted(times: readonly number[]): number[] {
  return [...times].sort((a, b) => a - b);
}

async function startServers(count: number): Promise<Server[]> {
  const program = await buildServer(PROJECT_ROOT);
  const options = Object.fromEntries(values.options.split('+').map((pair) => pair.split('=')));
  const shared = {
    store: 'jwt-blacklist',
    options,
    serviceUrl: redis.url,
    secret: randomBytes(32).toString('base64'),
    password: PASSWORD,
    adminPassword: 'root',
    // No touch, which would issue new tokens, falls into the run.
    touchIntervalSeconds: 3_600,
    idleSeconds: 7_200,
  };
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const child = spawn(process.execPath, [program], {
        env: {
          [SERVER_CONFIG_ENV]: JSON.stringify({ ...shared, id: `s${index + 1}` }),
          NODE_ENV: 'production',
        },
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      children.push(child);
      const [{ port }] = (await once(child, 'message')) as [{ port: number }];
      return { child, port };
    }),
  );
}

async function logIn(from: Client, base: string, user: string): Promise<string> {
  const send = () => from.send(base, 'POST', '/login', {}, { user, password: PASSWORD });
  let reply = await send();
  while (reply.status === 503) reply = await send();
  const lines = [reply.headers['set-cookie'] ?? []].flat();
  const token = lines.map((line) => readCookie(line, SESSION_COOKIE)).find((value) => value !== undefined);
  if (token === undefined) throw new Error(`expected a login, got ${reply.status}`);
  return `${SESSION_COOKIE}=${token}`;
}

async function runLoad(load: ChildProcess, order: LoadOrder): Promise<LoadReport> {
  load.send(order);
  const [report] = (await once(load, 'message')) as [LoadReport];
  return report;
}
