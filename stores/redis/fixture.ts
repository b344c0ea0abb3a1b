import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../free-port.ts';
import { freeze } from '../freeze.ts';
import type { Durability } from '../store.ts';

/** A test's own redis-server, on a free port and in its own directory, that can be killed and restarted. */
export interface RedisFixture {
  readonly url: string;
  /** Sends a command directly to the server, not through the store under test. */
  command(name: string, ...args: readonly (string | number)[]): Promise<unknown>;
  /** False after `kill` or an end of its own. */
  isRunning(): boolean;
  readonly pid: number;
  /** Freezes it: connections stay open, but nothing replies. */
  pause(): void;
  resume(): void;
  /** `kill -9`: what remains is what the durability keeps. */
  kill(): Promise<void>;
  /** Restarts it on the same port and data. */
  restart(): Promise<void>;
  /** Stops it and removes its data. */
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 10_000;
const READY_POLL_MS = 20;
const PERSISTENCE: Readonly<Record<Durability, readonly string[]>> = {
  none: ['--appendonly', 'no'],
  second: ['--appendonly', 'yes', '--appendfsync', 'everysec'],
  commit: ['--appendonly', 'yes', '--appendfsync', 'always'],
};

/** What is run instead of redis-server with these arguments, and what it prints when it is ready. */
type Instead = (args: readonly string[]) => { program: string; args: readonly string[]; ready: RegExp };

export const READY = /Ready to accept connections/;

/** Starts a redis-server. @throws when none is on the PATH (with the remedy) or it does not become ready. */
export async function startRedisFixture(
  durability: Durability,
  extra: readonly string[] = [],
  instead: Instead = (args) => ({ program: 'redis-server', args, ready: READY }),
): Promise<RedisFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'redis-fixture-'));
  const port = await freePort('127.0.0.1');
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
  let server = await spawnServer(instead, port, [...args, ...PERSISTENCE[durability], ...extra]);
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => 50 });
  // Errors while the server is down on purpose are expected.
  client.on('error', () => undefined);
  const isRunning = () => server.exitCode === null && server.signalCode === null;
  const kill = async () => {
    if (!isRunning()) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    command: (name, ...rest) => client.call(name, ...rest),
    isRunning,
    get pid() {
      return server.pid as number;
    },
    pause: () => freeze(server.pid as number),
    resume: () => void server.kill('SIGCONT'),
    kill,
    async restart() {
      server = await spawnServer(instead, port, [...args, ...PERSISTENCE[durability], ...extra]);
    },
    async stop() {
      client.disconnect();
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function spawnServer(instead: Instead, port: number, given: readonly string[]): Promise<ChildProcess> {
  const { program, args, ready } = instead(given);
  const server = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  // An aborted test run must not leave a server behind.
  const reap = () => server.kill('SIGKILL');
  process.once('exit', reap);
  server.once('exit', () => process.off('exit', reap));
  let output = '';
  server.stdout?.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-2_000);
  });
  let failure: string | undefined;
  server.once('error', (error) => {
    failure = `expected redis-server on the PATH, got: ${error.message}. Remedy: apt-get install redis-server`;
  });
  server.once('exit', (code, signal) => {
    failure ??= `redis-server ended (${code ?? signal}) before it was ready: ${output}`;
  });
  for (const start = Date.now(); Date.now() - start < READY_TIMEOUT_MS; await sleep(READY_POLL_MS)) {
    if (failure !== undefined) throw new Error(failure);
    if (ready.test(output) && server.pid !== undefined) return server;
  }
  reap();
  throw new Error(`redis-server was not ready on port ${port} within ${READY_TIMEOUT_MS} ms: ${output}`);
}
