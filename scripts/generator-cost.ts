/**
 * Measures the cost of the load generator: CPU µs per request and maximum rate of the slice loop, of wrk and of
 * autocannon, in one run, in interleaved rounds against the same nginx, which serves a session from its configuration
 * and is faster than any of them. The slice loop and autocannon check every body, wrk none. Usage: pnpm exec tsx
 * scripts/generator-cost.ts [--rounds 12] [--connections 32] [--payload 256] [--rows FILE]. Needs nginx, wrk and bash. Exits with
 * code 1 when the slice loop misses its aim.
 */

import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { createResources } from '../bench/environment/processes/resources.ts';
import { bundle, PROJECT_ROOT } from '../bench/environment/programs.ts';
import type { LiveSession } from '../bench/load/scenarios.ts';
import { median } from '../bench/stats/median.ts';
import { startLaunch } from '../servers/balancers/fixtures/processes.ts';
import { nginx } from '../servers/balancers/nginx.ts';
import { payloadFor } from '../servers/protocol.ts';
import { freePort } from '../stores/free-port.ts';
import type { LoadOrder, Round } from './generator-cost-load.ts';
import { writeRows } from './rows.ts';

ignoreClosedPipes();

interface Arm {
  name: string;
  load: () => Promise<Round>;
  cpuUsPerRequest: number[];
  requestsPerSecond: number[];
}

/** wrk counts whole seconds. */
const ROUND_SECONDS = 1;
const WARM_UP_ROUNDS = 2;
/** Limits for the slice loop: its CPU relative to wrk, and the share of wrk's rate that it must reach. */
const MAX_CPU_RATIO = 1.1;
const MIN_RATE_RATIO = 0.9;

const SESSION: LiveSession = {
  user: 'u0000001',
  credentials: { cookie: `__Host-id=${'i'.repeat(43)}` },
  target: 0,
};

await measure();

async function measure(): Promise<void> {
  const { values: options } = parseArgs({
    options: {
      rounds: { type: 'string', default: '12' },
      connections: { type: 'string', default: '32' },
      payload: { type: 'string', default: '256' },
      rows: { type: 'string' },
    },
  });
  const [connections, payloadBytes] = [Number(options.connections), Number(options.payload)];
  const wrkVersion = findWrk();
  const directory = mkdtempSync(join(tmpdir(), 'generator-cost-'));
  // Closed in any case: nothing is left running.
  await using resources = createResources();
  resources.add(directory, () => rmSync(directory, { recursive: true, force: true }));
  const server = await startServer(directory, payloadBytes);
  resources.add('nginx', server.stop);
  const url = `http://127.0.0.1:${server.port}`;
  // The generator's process as the harness runs it: plain JavaScript.
  const { load: program = '' } = await bundle(PROJECT_ROOT, { load: 'scripts/generator-cost-load.ts' });
  const arms = [newArm('wrk', () => loadByWrk(url, connections))];
  for (const generator of ['ours', 'autocannon'] as const) {
    const common = { url, connections, payloadBytes, session: SESSION, roundSeconds: ROUND_SECONDS };
    const { child, load } = startChild(program, { ...common, generator });
    resources.add(generator, () => void child.kill());
    arms.push(newArm(generator, load));
  }
  for (let round = -WARM_UP_ROUNDS; round < Number(options.rounds); round += 1) {
    for (const arm of round % 2 === 0 ? arms : [...arms].reverse()) await runTurn(arm, round >= 0);
  }
  console.log(`${wrkVersion}, Node ${process.version}, ${connections} connections, ${payloadBytes} B`);
  print(arms);
  const rows = arms.flatMap(({ name, cpuUsPerRequest, requestsPerSecond }) =>
    cpuUsPerRequest.map((cpu, round) => [round + 1, name, cpu, requestsPerSecond[round] as number] as const),
  );
  writeRows(options.rows, ['round', 'generator', 'cpu_us_per_request', 'requests_per_second'], rows);
}

function newArm(name: string, load: Arm['load']): Arm {
  return { name, load, cpuUsPerRequest: [], requestsPerSecond: [] };
}

async function runTurn(arm: Arm, isMeasured: boolean): Promise<void> {
  const { requests, failures, seconds, cpuUs } = await arm.load();
  if (failures > 0) throw new Error(`${arm.name}: expected correct replies only, got ${failures} others`);
  if (!isMeasured) return;
  arm.cpuUsPerRequest.push(cpuUs / requests);
  arm.requestsPerSecond.push(requests / seconds);
}

/** The version. @throws Error with the remedy when wrk is not installed. */
function findWrk(): string {
  try {
    return execFileSync('wrk', ['-v'], { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { code, stdout } = error as { code?: string; stdout?: string };
    // wrk prints its version with exit code 1.
    if (code !== 'ENOENT') return /^wrk \S+/.exec(stdout ?? '')?.[0] ?? 'wrk';
    const remedy = 'run: sudo apt-get install wrk';
    throw new Error(`expected wrk on this machine, found none; ${remedy}`, { cause: error });
  }
}

/** nginx with one process, which returns a session without any lookup. */
async function startServer(directory: string, payloadBytes: number) {
  const command = nginx.find();
  if (command === undefined) throw new Error('expected nginx on this machine; run: sh scripts/setup.sh');
  const port = await freePort('127.0.0.1');
  const { user } = SESSION;
  const body = JSON.stringify({ user, role: 'user', version: 1, data: payloadFor(user, 0, payloadBytes) });
  const path = join(directory, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(directory, name)};`,
  );
  const text = `daemon off; master_process off; error_log stderr crit; pid ${join(directory, 'nginx.pid')};
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000; ${temporary.join(' ')}
  server { listen 127.0.0.1:${port}; default_type application/json; location / { return 200 '${body}'; } }
}
`;
  const args = ['-c', path, '-p', directory, '-e', 'stderr'];
  return startLaunch({ command, args, files: [{ path, text }], ready: 'tcp' }, port);
}

/** Its CPU time is that of the shell's `time`, in milliseconds. */
async function loadByWrk(url: string, connections: number): Promise<Round> {
  const script = `TIMEFORMAT='cpu %3U %3S'; time wrk -t1 -c"$1" -d${ROUND_SECONDS}s -H "$2" "$3"`;
  const cookie = `cookie: ${SESSION.credentials['cookie']}`;
  const shell = spawn('bash', ['-c', script, 'bash', String(connections), cookie, `${url}/session`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  let text = '';
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.on('data', (part: Buffer) => {
      text += part.toString();
    });
  }
  await once(shell, 'close');
  const total = /(\d+) requests in ([\d.]+)s/.exec(text);
  const cpu = /cpu ([\d.]+) ([\d.]+)/.exec(text);
  if (total === null || cpu === null) throw new Error(`expected wrk's result, got ${text.slice(0, 300)}`);
  return {
    requests: Number(total[1]),
    failures: /Non-2xx|Socket errors/.test(text) ? 1 : 0,
    seconds: Number(total[2]),
    cpuUs: (Number(cpu[1]) + Number(cpu[2])) * 1e6,
  };
}

/** Starts a generator's process; the returned function runs one round. */
function startChild(program: string, order: LoadOrder): { child: ChildProcess; load: Arm['load'] } {
  const child = fork(program, [JSON.stringify(order)], { execArgv: [] });
  const gone = new AbortController();
  child.once('exit', (code) => gone.abort(new Error(`the generator left with code ${code}`)));
  const load = async () => {
    child.send('load');
    return ((await once(child, 'message', { signal: gone.signal })) as [Round])[0];
  };
  return { child, load };
}

/** The ratio is the median of the ratios within the rounds: a disturbance in a round affects all arms. */
function print(arms: readonly Arm[]): void {
  const base = arms[0] as Arm;
  const verdicts: [number, number][] = [];
  for (const { name, cpuUsPerRequest: cpu, requestsPerSecond: rate } of arms) {
    const cpuRatios = ratios(cpu, base.cpuUsPerRequest);
    const rateRatios = ratios(rate, base.requestsPerSecond);
    verdicts.push([median(cpuRatios) ?? Number.NaN, median(rateRatios) ?? Number.NaN]);
    console.log(
      `${name.padEnd(10)} ${spread(cpu, 2)} µs CPU/request, ${spread(cpuRatios, 2)} × wrk's; ` +
        `${spread(rate, 0)} requests/s, ${spread(rateRatios, 2)} × wrk's`,
    );
  }
  const [cpuRatio, rateRatio] = verdicts[1] as [number, number];
  const isReached = cpuRatio <= MAX_CPU_RATIO && rateRatio >= MIN_RATE_RATIO;
  const aim = `ours at most ${MAX_CPU_RATIO} × the CPU and at least ${MIN_RATE_RATIO} × the rate of wrk`;
  console.log(`${isReached ? 'reached' : 'missed'}: ${aim}`);
  if (!isReached) process.exitCode = 1;
}

function ratios(values: readonly number[], base: readonly number[]): number[] {
  return values.map((value, round) => value / (base[round] ?? Number.NaN));
}

/** Median, minimum and maximum. */
function spread(values: readonly number[], digits: number): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return `${median(values)?.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}
