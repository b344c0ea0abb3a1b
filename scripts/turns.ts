/** Servers that take short turns under a closed loop of raw sockets, for scripts that compare what a request costs. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { cpuNsOf } from '../bench/environment/machine/cpu.ts';
import { CONFIDENCE } from '../bench/stats/levels.ts';
import { median } from '../bench/stats/median.ts';
import { seededRandom, shuffled } from '../bench/stats/random.ts';
import { signedRankEstimate } from '../bench/stats/signed-rank.ts';
import { SESSION_COOKIE } from '../servers/protocol.ts';
import { readCookie } from '../servers/session-plugin.ts';

ignoreClosedPipes();

/** A running server, with its connections. */
export interface Arm {
  name: string;
  child: ChildProcess;
  sockets: readonly Socket[];
  request: string;
  /** CPU µs per request of each slice. */
  slices: number[];
}

export interface TurnsOptions {
  blocks: number;
  rounds: number;
  sliceMs: number;
  connections: number;
}

const WARM_UP_MS = 2_000;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** Connects to a server that listens. @param cookie of the request. */
export async function armOf(
  name: string,
  child: ChildProcess,
  port: number,
  cookie: string,
  connections: number,
): Promise<Arm> {
  const request = `GET /session HTTP/1.1\r\nhost: x\r\ncookie: ${cookie}\r\n\r\n`;
  const sockets = Array.from({ length: connections }, () => connect(port, '127.0.0.1').setNoDelay(true));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  return { name, child, sockets, request, slices: [] };
}

/**
 * Blocks of fresh processes in turns; returns the median CPU µs per request of each server, block by block. Ends every
 * process that `start` started.
 */
export async function measureInTurns(
  names: readonly string[],
  start: (name: string) => Promise<Arm>,
  options: TurnsOptions,
): Promise<Map<string, number>[]> {
  const blocks: Map<string, number>[] = [];
  for (let block = 1; block <= options.blocks; block += 1) {
    blocks.push(await measureBlock(names, start, options, block));
    const cells = names.map((name) => `${name} ${blocks.at(-1)?.get(name)?.toFixed(2)}`);
    process.stderr.write(`block ${block} of ${options.blocks}: ${cells.join(', ')}\n`);
  }
  return blocks;
}

async function measureBlock(
  names: readonly string[],
  start: (name: string) => Promise<Arm>,
  options: TurnsOptions,
  block: number,
): Promise<Map<string, number>> {
  const random = seededRandom(block);
  const arms: Arm[] = [];
  try {
    for (const name of shuffled(names, random)) arms.push(await start(name));
    for (const arm of arms) await runSlice(arm, WARM_UP_MS);
    for (const arm of arms) arm.slices = [];
    for (let round = 0; round < options.rounds; round += 1)
      for (const arm of shuffled(arms, random)) await runSlice(arm, options.sliceMs);
    return new Map(arms.map((arm) => [arm.name, median(arm.slices) as number]));
  } finally {
    for (const arm of arms) for (const socket of arm.sockets) socket.destroy();
    for (const { child } of arms) child.kill('SIGKILL');
  }
}

/** The cookie of a new login at a server of this project. */
export async function loginCookie(port: number, password: string): Promise<string> {
  const login = await fetch(`http://127.0.0.1:${port}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'u0000001', password }),
  });
  return `${SESSION_COOKIE}=${readCookie(login.headers.get('set-cookie') ?? undefined, SESSION_COOKIE)}`;
}

/** A closed loop for this long, drained at its end. @throws Error for a reply other than 200. */
async function runSlice(arm: Arm, durationMs: number): Promise<void> {
  const pid = arm.child.pid as number;
  const before = cpuNsOf([pid]) as number;
  const until = performance.now() + durationMs;
  const counts = await Promise.all(arm.sockets.map((socket) => loop(socket, arm.request, until)));
  const requests = counts.reduce((sum, count) => sum + count, 0);
  arm.slices.push(((cpuNsOf([pid]) as number) - before) / 1000 / requests);
}

function loop(socket: Socket, request: string, until: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let count = 0;
    // A reply of this size arrives in one piece over the loopback.
    const finish = (settle: () => void): void => {
      socket.off('data', onData).off('error', onError).off('close', onClose);
      settle();
    };
    const onError = (error: Error): void => finish(() => reject(error));
    const onClose = (): void => onError(new Error('the server closed a connection'));
    const onData = (chunk: Buffer): void => {
      if (chunk.toString('latin1', 9, 12) !== '200' || chunk.indexOf(END_OF_HEAD) === -1)
        return void onError(new Error(`expected 200, got ${chunk.toString('latin1', 0, 80)}`));
      count += 1;
      if (performance.now() < until) return void socket.write(request);
      finish(() => resolve(count));
    };
    socket.on('data', onData).on('error', onError).on('close', onClose);
    socket.write(request);
  });
}

/** What each server costs beside the first one: the difference and the ratio, with 95 % intervals over the blocks. */
export function printCosts(names: readonly string[], blocks: readonly Map<string, number>[]): void {
  const ofArm = (name: string) => blocks.map((block) => block.get(name) as number);
  const [reference = ''] = names;
  const references = ofArm(reference);
  const base = median(references) as number;
  console.log(`${reference}: ${base.toFixed(2)} µs per request, ${blocks.length} blocks`);
  for (const name of names.slice(1)) {
    const own = ofArm(name);
    const text = (values: readonly number[], digits: number) => {
      const { estimate = Number.NaN, lower, upper } = signedRankEstimate(values, CONFIDENCE);
      return `${estimate.toFixed(digits)} [${lower.toFixed(digits)}, ${upper.toFixed(digits)}]`;
    };
    const differences = own.map((value, index) => value - (references[index] as number));
    const ratios = own.map((value, index) => value / (references[index] as number));
    console.log(`${name}: ${text(differences, 3)} µs more, ${text(ratios, 3)} ×`);
  }
}
