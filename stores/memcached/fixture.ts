import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.ts';
import { freeze } from '../freeze.ts';
import { socketHost } from '../service-url.ts';
import { withMemcached } from './client.ts';
import type { Link } from './link.ts';
import { addressOf } from './url.ts';

/** A test's own memcached, on a free port, that can be frozen, killed and restarted; a restart loses all. */
export interface MemcachedFixture {
  readonly url: string;
  /** Talks directly to the server, not through the store under test. */
  talk<T>(act: (link: Link) => Promise<T>): Promise<T>;
  /** Freezes it: connections stay open, but nothing replies. */
  pause(): void;
  resume(): void;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Restarts it on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 10_000;
const READY_POLL_MS = 10;

/**
 * Starts a memcached. @param socket a path to listen on, instead of a port.
 * @throws when none is on the PATH (with the remedy) or it does not become ready.
 */
export async function startMemcachedFixture(
  extra: readonly string[] = ['-M'],
  socket?: string,
): Promise<MemcachedFixture> {
  const port = socket === undefined ? await freePort('127.0.0.1') : 0;
  const listening = socket === undefined ? ['-l', '127.0.0.1', '-p', String(port)] : ['-s', socket];
  const args = [...listening, '-U', '0', '-c', '256', ...extra];
  if (process.getuid?.() === 0) args.push('-u', 'nobody');
  const url = socket === undefined ? `memcached://127.0.0.1:${port}` : `memcached://${socketHost(socket)}`;
  let server = await spawnServer(args, url);
  const kill = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  };
  return {
    url,
    talk: (act) => withMemcached(url, act),
    pause: () => freeze(server.pid as number),
    resume: () => void server.kill('SIGCONT'),
    kill,
    async restart() {
      server = await spawnServer(args, url);
    },
    stop: kill,
  };
}

async function spawnServer(args: readonly string[], url: string): Promise<ChildProcess> {
  const server = spawn('memcached', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  // An aborted test run must not leave a server behind.
  const reap = () => server.kill('SIGKILL');
  process.once('exit', reap);
  server.once('exit', () => process.off('exit', reap));
  let output = '';
  server.stderr?.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-2_000);
  });
  let failure: string | undefined;
  server.once('error', (error) => {
    failure = `expected memcached on the PATH, got: ${error.message}. Remedy: apt-get install memcached`;
  });
  server.once('exit', (code, signal) => {
    failure ??= `memcached ended (${code ?? signal}) before it was ready: ${output}`;
  });
  for (const start = Date.now(); Date.now() - start < READY_TIMEOUT_MS; await sleep(READY_POLL_MS)) {
    if (failure !== undefined) throw new Error(failure);
    if (await accepts(url)) return server;
  }
  reap();
  throw new Error(`memcached was not ready at ${url} within ${READY_TIMEOUT_MS} ms: ${output}`);
}

function accepts(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(addressOf(url));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
