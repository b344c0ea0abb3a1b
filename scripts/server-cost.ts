/**
 * Measures the cost of a part of a server, in CPU µs per request: its readings for the harness, and the actual CPU of a
 * planted busy-wait. Each arm is a separate process; they take short turns under a closed loop, several times with
 * fresh processes. Usage: pnpm exec tsx scripts/server-cost.ts [--arms bare,busy4] [--blocks 8] [--rounds 40]
 * [--slice-ms 100] [--connections 16]. Arms: `bare` (no readings), `busyN` (N µs), `same` (another copy). Linux only
 * (/proc).
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { cpuNsOf } from '../bench/environment/machine/cpu.ts';
import { buildServer, PROJECT_ROOT } from '../bench/environment/programs.ts';
import { CONFIDENCE } from '../bench/stats/levels.ts';
import { median } from '../bench/stats/median.ts';
import { seededRandom, shuffled } from '../bench/stats/random.ts';
import { signedRankEstimate } from '../bench/stats/signed-rank.ts';
import { SERVER_CONFIG_ENV } from '../servers/config.ts';
import { readCookie } from '../servers/session-plugin.ts';

interface Arm {
  name: string;
  child: ChildProcess;
  sockets: readonly Socket[];
  request: string;
  /** CPU µs per request of each slice. */
  slices: number[];
}

interface Options {
  rounds: number;
  sliceMs: number;
  connections: number;
}

const REFERENCE = 'plain';
const WARM_UP_MS = 2_000;
const SECRETS = { secret: 'c2VjcmV0', password: 'right', adminPassword: 'root' };
const END_OF_HEAD = Buffer.from('\r\n\r\n');

await main();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      arms: { type: 'string', default: 'bare,same' },
      blocks: { type: 'string', default: '8' },
      rounds: { type: 'string', default: '40' },
      'slice-ms': { type: 'string', default: '100' },
      connections: { type: 'string', default: '16' },
    },
  });
  const names = [REFERENCE, ...values.arms.split(',')];
  const options = {
    rounds: Number(values.rounds),
    sliceMs: Number(values['slice-ms']),
    connections: Number(values.connections),
  };
  const program = await buildServer(PROJECT_ROOT);
  const home = mkdtempSync(join(dirname(program), 'cost-'));
  try {
    const bare = join(home, 'bare.mjs');
    writeFileSync(bare, withoutReadings(readFileSync(program, 'utf8')));
    const blocks: Map<string, number>[] = [];
    for (let block = 1; block <= Number(values.blocks); block += 1) {
      blocks.push(await measureBlock(names, { program, bare }, options, block));
      const cells = names.map((name) => `${name} ${blocks.at(-1)?.get(name)?.toFixed(2)}`);
      process.stderr.write(`block ${block} of ${values.blocks}: ${cells.join(', ')}\n`);
    }
    print(names, blocks);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** The same program without the observation of loop and collector. @throws Error when they are not found. */
function withoutReadings(code: string): string {
  const bare = code.replace('delay.enable();', '').replace('observer.observe({ entryTypes: ["gc"] });', '');
  if (bare.length > code.length - 40)
    throw new Error('expected both readings in the program, to remove them');
  return bare;
}

/** Fresh processes of all arms in turns; returns the CPU µs per request of each. */
async function measureBlock(
  names: readonly string[],
  programs: { program: string; bare: string },
  options: Options,
  block: number,
): Promise<Map<string, number>> {
  const random = seededRandom(block);
  const arms: Arm[] = [];
  try {
    for (const name of shuffled(names, random))
      arms.push(await startArm(name, programs, options.connections));
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

async function startArm(
  name: string,
  programs: { program: string; bare: string },
  connections: number,
): Promise<Arm> {
  const busyUs = /^busy([\d.]+)$/.exec(name)?.[1];
  if (busyUs === undefined && !['bare', 'same', REFERENCE].includes(name))
    throw new Error(`expected an arm of bare, same, busyN, got ${name}`);
  const handicap = busyUs === undefined ? {} : { handicap: { busyUs: Number(busyUs) } };
  const config = { id: 's1', store: 'none', ...SECRETS, ...handicap };
  const child = spawn(process.execPath, [name === 'bare' ? programs.bare : programs.program], {
    env: { [SERVER_CONFIG_ENV]: JSON.stringify(config), NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const login = await fetch(`http://127.0.0.1:${port}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'u0000001', password: SECRETS.password }),
  });
  const token = readCookie(login.headers.get('set-cookie') ?? undefined, '__Host-id');
  const request = `GET /session HTTP/1.1\r\nhost: x\r\ncookie: __Host-id=${token}\r\n\r\n`;
  const sockets = Array.from({ length: connections }, () => connect(port, '127.0.0.1').setNoDelay(true));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  return { name, child, sockets, request, slices: [] };
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
      socket.off('data', onData).off('error', onError);
      settle();
    };
    const onError = (error: Error): void => finish(() => reject(error));
    const onData = (chunk: Buffer): void => {
      if (chunk.toString('latin1', 9, 12) !== '200' || chunk.indexOf(END_OF_HEAD) === -1)
        return void onError(new Error(`expected 200, got ${chunk.toString('latin1', 0, 80)}`));
      count += 1;
      if (performance.now() < until) return void socket.write(request);
      finish(() => resolve(count));
    };
    socket.on('data', onData).on('error', onError);
    socket.write(request);
  });
}

function print(names: readonly string[], blocks: readonly Map<string, number>[]): void {
  const ofArm = (name: string) => blocks.map((block) => block.get(name) as number);
  const reference = ofArm(REFERENCE);
  const base = median(reference) as number;
  console.log(`${REFERENCE}: ${base.toFixed(2)} µs per request, ${blocks.length} blocks`);
  for (const name of names.slice(1)) {
    const differences = ofArm(name).map((value, index) => value - (reference[index] as number));
    const { estimate = Number.NaN, lower, upper } = signedRankEstimate(differences, CONFIDENCE);
    const share = (us: number) => `${((us / base) * 100).toFixed(2)} %`;
    console.log(
      `${name}: ${estimate.toFixed(3)} µs more [${lower.toFixed(3)}, ${upper.toFixed(3)}], ${share(estimate)} [${share(lower)}, ${share(upper)}]`,
    );
  }
}
