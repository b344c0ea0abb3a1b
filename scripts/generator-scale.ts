/**
 * Measures what the load generator holds: how long it takes to log so many sessions in, its memory, and what it sends
 * then in a closed loop and at a rate. A fresh generator, as a run starts it, for each number of sessions; against a
 * server that keeps nothing. Usage: pnpm exec tsx scripts/generator-scale.ts [--sessions 1000,10000,100000,1000000]
 * [--rate 100000] [--connections 64] [--payload 256] [--rows FILE.csv]. Linux only (/proc); with taskset and two processors, each
 * process has its own.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { createResources } from '../bench/environment/processes/resources.ts';
import { bundle, PROJECT_ROOT } from '../bench/environment/programs.ts';
import type { FromGenerator, LoadJob, LoadModel, SliceResult, ToGenerator } from '../bench/load/job.ts';
import { type Cell, writeRows } from './rows.ts';

ignoreClosedPipes();

const HEAD = [
  'sessions',
  'login_seconds',
  'bytes_after_login',
  'peak_bytes',
  'closed_per_second',
  'closed_cpu_us',
  'bytes_after_load',
  'target_per_second',
  'open_per_second',
  'open_cpu_pct',
  'wrong',
] as const;
const WARM_UP_SECONDS = 1;
/** Long enough for most sessions to have been read. */
const READS_PER_SECOND = 60_000;
const [LEAST_SECONDS, MOST_SECONDS] = [3, 15];
const OPEN_SECONDS = 3;

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '1000,10000,100000,1000000' },
    rate: { type: 'string', default: '100000' },
    connections: { type: 'string', default: '64' },
    payload: { type: 'string', default: '256' },
    rows: { type: 'string' },
  },
});
const payloadBytes = Number(values.payload);
const programs = await bundle(PROJECT_ROOT, {
  generator: 'bench/load/generator-main.ts',
  server: 'scripts/generator-scale-server.ts',
});
// Closed in any case: nothing is left running.
await using resources = createResources();
const server = start(programs['server'] ?? '', 1, [values.payload]);
const { port } = await message<{ port: number }>(server);
const rows: Cell[][] = [];
console.log(HEAD.join('\t'));
for (const sessions of values.sessions.split(',').map(Number)) {
  rows.push(await measure(sessions));
  console.log(rows.at(-1)?.join('\t'));
}
writeRows(values.rows, HEAD, rows);

async function measure(sessions: number): Promise<Cell[]> {
  const generator = start(programs['generator'] ?? '', 0, []);
  await message(generator);
  const origin = `http://127.0.0.1:${port}`;
  const job: LoadJob = {
    targets: [origin],
    servers: [origin],
    scenario: 'read',
    transport: 'cookie',
    payloadBytes,
    connections: Number(values.connections),
    sessions,
    keys: 'uniform',
    seed: 1,
    password: 'x'.repeat(32),
  };
  const from = performance.now();
  await ask(generator, { type: 'prepare', arm: 0, job });
  const loginSeconds = (performance.now() - from) / 1000;
  const afterLogin = bytesOf(generator, 'VmRSS');
  const peak = bytesOf(generator, 'VmHWM');
  await slice(generator, WARM_UP_SECONDS, { model: 'closed' });
  const seconds = Math.min(MOST_SECONDS, Math.max(LEAST_SECONDS, sessions / READS_PER_SECOND));
  const closed = await slice(generator, seconds, { model: 'closed' });
  const afterLoad = bytesOf(generator, 'VmRSS');
  const ratePerSecond = Number(values.rate);
  const open = await slice(generator, OPEN_SECONDS, { model: 'open', ratePerSecond, arrivals: 'constant' });
  const ended = once(generator, 'exit');
  generator.disconnect();
  await ended;
  return [
    sessions,
    round(loginSeconds),
    afterLogin,
    peak,
    Math.round(closed.completed / closed.seconds),
    round(closed.cpuNs / 1000 / closed.completed),
    afterLoad,
    ratePerSecond,
    Math.round(open.ok / open.seconds),
    round(open.cpuNs / 1e7 / open.seconds),
    closed.completed - closed.ok + open.completed - open.ok,
  ];
}

/** A program on a processor of its own, where there are two. */
function start(program: string, cpu: number, args: readonly string[]): ChildProcess {
  const pinned =
    availableParallelism() > 1
      ? { execPath: 'taskset', execArgv: ['-c', String(cpu), process.execPath] }
      : { execArgv: [] };
  const child = fork(program, [...args], pinned);
  resources.add(program, () => void child.kill());
  return child;
}

async function message<T>(child: ChildProcess): Promise<T> {
  const gone = new AbortController();
  const leave = (code: number | null) => gone.abort(new Error(`${child.spawnfile} left with code ${code}`));
  child.once('exit', leave);
  const [reply] = (await once(child, 'message', { signal: gone.signal })) as [T];
  child.off('exit', leave);
  return reply;
}

/** Sends a step; its reply, past the messages of progress. */
async function ask(generator: ChildProcess, step: ToGenerator): Promise<FromGenerator> {
  generator.send(step);
  for (;;) {
    const reply = await message<FromGenerator>(generator);
    if (reply.type === 'failed') throw new Error(`${step.type}: ${reply.message}`);
    if (reply.type !== 'progress') return reply;
  }
}

async function slice(generator: ChildProcess, seconds: number, load: LoadModel): Promise<SliceResult> {
  const reply = await ask(generator, { type: 'slice', arm: 0, seconds, load });
  if (reply.type !== 'sliced') throw new Error(`expected a slice, got ${reply.type}`);
  return reply.slice;
}

function bytesOf({ pid }: ChildProcess, field: 'VmRSS' | 'VmHWM'): number {
  const [, kib] =
    new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
