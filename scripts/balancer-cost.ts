/**
 * Measures the cost of each balancer: CPU µs per request of HAProxy, nginx and the built-in, in one run, in short
 * interleaved slices against the same servers. Usage: pnpm exec tsx scripts/balancer-cost.ts [--rounds 10] [--slice-ms
 * 1000] [--connections 32] [--upstreams 3] [--affinity round-robin|sticky]. Linux only (/proc).
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cpuNsOf } from '../bench/environment/machine/cpu.ts';
import { createResources } from '../bench/environment/processes/resources.ts';
import { buildPrograms } from '../bench/environment/programs.ts';
import { median } from '../bench/stats/median.ts';
import type { Affinity, Balancer, Upstream } from '../servers/balancers/balancer.ts';
import {
  freePort,
  type Started,
  startLaunch,
  startUpstream,
} from '../servers/balancers/fixtures/processes.ts';
import { haproxy } from '../servers/balancers/haproxy.ts';
import { nginx } from '../servers/balancers/nginx.ts';
import { node } from '../servers/balancers/node.ts';

interface SliceOrder {
  port: number;
  durationMs: number;
}

interface SliceReport {
  requests: number;
  failures: number;
}

interface Arm {
  name: string;
  started: Started;
  cpuUsPerRequest: number[];
  requestsPerSecond: number[];
}

/** Discarded, for each arm. */
const WARM_UP_REQUESTS = 30_000;

const REQUEST = `GET /me HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nCookie: __Host-id=${'i'.repeat(43)}; lb=s1\r\n\r\n`;

if (process.argv[2] === 'load') generateLoad(Number(process.argv[3]));
else await measure();

async function measure(): Promise<void> {
  const { values: options } = parseArgs({
    options: {
      rounds: { type: 'string', default: '10' },
      'slice-ms': { type: 'string', default: '1000' },
      connections: { type: 'string', default: '32' },
      upstreams: { type: 'string', default: '3' },
      affinity: { type: 'string', default: 'round-robin' },
    },
  });
  const directory = mkdtempSync(join(tmpdir(), 'balancer-cost-'));
  // Closed in any case: nothing is left running.
  await using resources = createResources();
  resources.add(directory, () => rmSync(directory, { recursive: true, force: true }));
  const upstreams: Upstream[] = [];
  for (let n = 1; n <= Number(options.upstreams); n++) {
    const started = await startUpstream(`s${n}`);
    resources.add(`s${n}`, started.stop);
    upstreams.push(started.upstream);
  }
  const load = fork(fileURLToPath(import.meta.url), ['load', options.connections]);
  resources.add('load', () => void load.kill());
  const arms: Arm[] = [];
  for (const balancer of [haproxy, nginx, node]) {
    const arm = await startArm(balancer, upstreams, options.affinity as Affinity, directory);
    resources.add(arm.name, arm.started.stop);
    arms.push(arm);
  }
  await runRounds(arms, load, Number(options.rounds), Number(options['slice-ms']));
  print(arms);
}

async function runRounds(arms: Arm[], load: ChildProcess, rounds: number, durationMs: number): Promise<void> {
  // By count and not by time: on a busy machine a second is too short for the compiler to optimise the hot path.
  for (const arm of arms) {
    for (let requests = 0; requests < WARM_UP_REQUESTS; ) requests += await runSlice(arm, load, durationMs);
    arm.cpuUsPerRequest = [];
    arm.requestsPerSecond = [];
  }
  for (let round = 0; round < rounds; round++) {
    for (const arm of round % 2 === 0 ? arms : [...arms].reverse()) await runSlice(arm, load, durationMs);
  }
}

async function startArm(
  balancer: Balancer,
  upstreams: Upstream[],
  affinity: Affinity,
  parent: string,
): Promise<Arm> {
  const found = balancer.find();
  if (found === undefined)
    throw new Error(`expected ${balancer.name} on this machine; run: sh scripts/setup.sh`);
  const directory = join(parent, balancer.name);
  mkdirSync(directory);
  // The built-in is measured as the harness runs it: plain JavaScript.
  const program = balancer.name === 'node' ? (await buildPrograms()).balancer : found;
  const port = await freePort();
  const launch = balancer.launch(program, { host: '127.0.0.1', port, upstreams, affinity, directory });
  const started = await startLaunch(launch, port);
  return { name: balancer.name, started, cpuUsPerRequest: [], requestsPerSecond: [] };
}

/** One arm's short turn; returns the number of requests. Throws when one failed, for its cost would be meaningless. */
async function runSlice(arm: Arm, load: ChildProcess, durationMs: number): Promise<number> {
  const before = cpuNs(arm.started.pid);
  const order: SliceOrder = { port: arm.started.port, durationMs };
  load.send(order);
  const [{ requests, failures }] = (await once(load, 'message')) as [SliceReport];
  if (failures > 0) throw new Error(`${arm.name}: expected replies 200 only, got ${failures} others`);
  arm.cpuUsPerRequest.push((cpuNs(arm.started.pid) - before) / 1_000 / requests);
  arm.requestsPerSecond.push((requests / durationMs) * 1_000);
  return requests;
}

/** CPU time of a process and its children so far, in nanoseconds. */
function cpuNs(pid: number): number {
  return cpuNsOf([pid]) ?? Number.NaN;
}

/** The ratio is the median of the ratios within the rounds: a disturbance in a round affects all arms. */
function print(arms: Arm[]): void {
  const base = arms[0]?.cpuUsPerRequest ?? [];
  for (const { name, cpuUsPerRequest, requestsPerSecond } of arms) {
    const ratios = cpuUsPerRequest.map((costUs, round) => costUs / (base[round] ?? Number.NaN));
    const range = `${Math.min(...cpuUsPerRequest).toFixed(2)}–${Math.max(...cpuUsPerRequest).toFixed(2)}`;
    console.log(
      `${name.padEnd(8)} ${median(cpuUsPerRequest)?.toFixed(2)} µs CPU/request (${range}), ` +
        `${median(ratios)?.toFixed(2)} × haproxy, at ${median(requestsPerSecond)?.toFixed(0)} requests/s`,
    );
  }
}

/** The load process: a closed loop over connections that stay open between the slices of an arm. */
function generateLoad(connections: number): void {
  const pools = new Map<number, Socket[]>();
  let isRunning = false;
  let inFlight = 0;
  let report: SliceReport = { requests: 0, failures: 0 };

  const open = (port: number): Socket => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (part: string) => {
      text += part;
      const lengthBytes = replyLength(text);
      if (lengthBytes === undefined || text.length < lengthBytes) return;
      if (text.length > lengthBytes || !text.startsWith('HTTP/1.1 200')) report.failures++;
      report.requests++;
      text = '';
      if (isRunning) socket.write(REQUEST);
      else if (--inFlight === 0) process.send?.(report);
    });
    socket.on('close', () => {
      report.failures++;
    });
    return socket;
  };
  process.on('message', ({ port, durationMs }: SliceOrder) => {
    let sockets = pools.get(port);
    if (sockets === undefined) {
      sockets = Array.from({ length: connections }, () => open(port));
      pools.set(port, sockets);
    }
    report = { requests: 0, failures: 0 };
    isRunning = true;
    inFlight = sockets.length;
    for (const socket of sockets) socket.write(REQUEST);
    setTimeout(() => {
      isRunning = false;
    }, durationMs);
  });
}

/** Length of the complete reply, once its head has arrived. */
function replyLength(text: string): number | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
  return headEnd + 4 + Number(length ?? 0);
}
