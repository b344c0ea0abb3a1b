/** Balancers that take short turns under a closed loop, for scripts that compare what they cost. Linux only (/proc). */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuNsOf } from '../bench/environment/machine/cpu.ts';
import type { Resources } from '../bench/environment/processes/resources.ts';
import { buildPrograms } from '../bench/environment/programs.ts';
import type { Affinity, Balancer, EdgeTls, Upstream } from '../servers/balancers/balancer.ts';
import { type Started, startLaunch, startUpstream } from '../servers/balancers/fixtures/processes.ts';
import { freePort } from '../stores/free-port.ts';
import type { SliceOrder, SliceReport } from './edge-load.ts';

/** A running balancer, with its figures of each slice. */
export interface Arm {
  name: string;
  started: Started;
  order: Omit<SliceOrder, 'port' | 'durationMs'>;
  cpuUsPerRequest: number[];
  requestsPerSecond: number[];
}

export interface ArmOptions {
  name: string;
  balancer: Balancer;
  upstreams: readonly Upstream[];
  affinity: Affinity;
  /** The arm gets a directory in it. */
  parent: string;
  tls?: EdgeTls;
  order?: Arm['order'];
}

/** Starts the load process, which is ended with `resources`. */
export function startLoad(connections: number, resources: Resources): ChildProcess {
  const load = fork(fileURLToPath(new URL('edge-load.ts', import.meta.url)), [String(connections)]);
  resources.add('load', () => void load.kill());
  return load;
}

/** Starts servers, which are ended with `resources`. */
export async function startUpstreams(count: number, resources: Resources): Promise<Upstream[]> {
  const upstreams: Upstream[] = [];
  for (let n = 1; n <= count; n++) {
    const started = await startUpstream(`s${n}`);
    resources.add(`s${n}`, started.stop);
    upstreams.push(started.upstream);
  }
  return upstreams;
}

/** Starts a balancer, which is ended with `resources`. @throws Error when it is not installed. */
export async function startArm(options: ArmOptions, resources: Resources): Promise<Arm> {
  const { name, balancer, upstreams, affinity, parent, tls, order = {} } = options;
  const found = balancer.find();
  if (found === undefined)
    throw new Error(`expected ${balancer.name} on this machine; run: sh scripts/setup.sh`);
  const directory = join(parent, name.replaceAll(' ', '-'));
  mkdirSync(directory);
  // The built-in is measured as the harness runs it: plain JavaScript.
  const program = balancer.name === 'node' ? (await buildPrograms()).balancer : found;
  const port = await freePort('127.0.0.1');
  const plan = { host: '127.0.0.1', port, upstreams, affinity, directory };
  const launch = balancer.launch(program, { ...plan, ...(tls === undefined ? {} : { tls }) });
  const started = await startLaunch(launch, port);
  resources.add(name, started.stop);
  return { name, started, order, cpuUsPerRequest: [], requestsPerSecond: [] };
}

/** Warms the arms up, then gives each a slice in every round, in every second round in the reverse order. */
export async function runRounds(
  arms: readonly Arm[],
  load: ChildProcess,
  { rounds, sliceMs, warmUpRequests }: { rounds: number; sliceMs: number; warmUpRequests: number },
): Promise<void> {
  // By count and not by time: on a busy machine a second is too short for the compiler to optimise the hot path.
  for (const arm of arms) {
    for (let requests = 0; requests < warmUpRequests; ) requests += await runSlice(arm, load, sliceMs);
    arm.cpuUsPerRequest = [];
    arm.requestsPerSecond = [];
  }
  for (let round = 0; round < rounds; round++) {
    for (const arm of round % 2 === 0 ? arms : [...arms].reverse()) await runSlice(arm, load, sliceMs);
  }
}

/** One arm's short turn; returns the number of requests. Throws when one failed, for its cost would be meaningless. */
async function runSlice(arm: Arm, load: ChildProcess, durationMs: number): Promise<number> {
  const { started, name } = arm;
  const before = cpuNs(started.pid);
  const order: SliceOrder = { ...arm.order, port: started.port, durationMs };
  load.send(order);
  const [{ requests, failures }] = (await once(load, 'message')) as [SliceReport];
  if (failures > 0) throw new Error(`${name}: expected replies 200 only, got ${failures} others`);
  arm.cpuUsPerRequest.push((cpuNs(started.pid) - before) / 1_000 / requests);
  arm.requestsPerSecond.push((requests / durationMs) * 1_000);
  return requests;
}

/** CPU time of a process and its children so far, in nanoseconds. */
function cpuNs(pid: number): number {
  return cpuNsOf([pid]) ?? Number.NaN;
}
