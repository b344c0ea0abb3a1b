import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../free-port.ts';
import { untilStopped } from '../freeze.ts';
import type { Durability } from '../service.ts';
import type { OpenContext } from '../store.ts';
import { contextFor as contextOf } from '../suite/context.ts';
import { mariadb } from './backend.ts';
import { withMariadb } from './client.ts';
import type { Link } from './links.ts';
import { dataArguments, installArguments, mariadbArguments, mariadbServer, setupSql } from './server.ts';

/** A real MariaDB that a test may crash and restart on the same port, with the same data. */
export interface MariadbFixture {
  url: string;
  pid(): number;
  /** Path of its socket. */
  socket: string;
  /** `kill -9`. */
  crash(): Promise<void>;
  /** Starts it again. */
  start(): Promise<void>;
  /** STOP makes a silent server: connections stay open, but nothing replies. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Runs SQL on a separate connection; its rows as arrays. */
  query(text: string): Promise<readonly (readonly unknown[])[]>;
  /** Runs SQL in a separate transaction, which keeps its locks until the returned function ends it, after more SQL. */
  hold(...texts: string[]): Promise<(...more: string[]) => Promise<void>>;
  /** Number of transactions that wait for a lock; of 100 ms ago, if it is asked more often than that. */
  waiting(): Promise<number>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

const UNPRIVILEGED_ID = 65_534;
const READY_WITHIN_MS = 30_000;
const DATABASE = 'bench';

/** @throws Error with its remedy when this machine has no MariaDB. */
export async function startMariadbFixture(
  durability: Durability = 'second',
  extra: readonly string[] = [],
): Promise<MariadbFixture> {
  const programs = await mariadbServer.local();
  if (typeof programs === 'string')
    throw new Error(
      `expected a MariaDB to test with, got ${programs}. Run: sh scripts/setup.sh (mariadb-server-core and mariadb-client-core).`,
    );
  const program = programs.server;
  const owner = process.getuid?.() === 0 ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : {};
  const directory = mkdtempSync(join(tmpdir(), 'session-bench-mariadb-'));
  if (owner.uid !== undefined) chownSync(directory, owner.uid, owner.gid);
  const [setupFile, socket] = ['setup.sql', join(directory, 's.sock')];
  writeFileSync(join(directory, setupFile), setupSql(DATABASE, 'pw', DATABASE));
  const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  try {
    const installer = programs.others?.['installer'] ?? '';
    await promisify(execFile)(installer, installArguments(directory, setupFile), {
      ...owner,
      cwd: directory,
    });
  } catch (error) {
    remove();
    throw error;
  }
  const port = await freePort('127.0.0.1');
  const url = `mariadb://bench:pw@127.0.0.1:${port}/${DATABASE}`;
  // Small: several tests run beside each other.
  const args = [
    '--no-defaults',
    ...mariadbArguments(port, 90, durability),
    ...dataArguments(directory),
    `--socket=${socket}`,
    ...['--innodb-log-file-size=16M', '--innodb-buffer-pool-size=64M', ...extra],
  ];
  let server: ChildProcess | undefined;

  const query = (text: string) => withMariadb(url, async (link) => (await link.query(text)).rows);

  async function start(): Promise<void> {
    const running = spawn(program, args, { ...owner, cwd: directory, stdio: 'ignore' });
    server = running;
    for (const endMs = Date.now() + READY_WITHIN_MS; Date.now() < endMs; await sleep(30)) {
      if (running.exitCode !== null || running.signalCode !== null) break;
      try {
        await query('select 1');
        return;
      } catch {
        // Not yet.
      }
    }
    throw new Error(`expected MariaDB at ${url}, got no reply. Start ${program} by hand to see why.`);
  }

  async function crash(): Promise<void> {
    const dying = server;
    server = undefined;
    if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
    const exited = once(dying, 'exit');
    dying.kill('SIGKILL');
    await exited;
  }

  // An aborted test must leave no server behind.
  const onExit = () => server?.kill('SIGKILL');
  process.once('exit', onExit);
  await start();
  return {
    url,
    socket,
    pid: () => server?.pid ?? Number.NaN,
    start,
    crash,
    query,
    signal(signal) {
      server?.kill(signal);
      if (signal === 'SIGSTOP' && server?.pid !== undefined) untilStopped(server.pid);
    },
    hold: (...texts) =>
      new Promise((resolve, reject) => {
        withMariadb(url, (link) => holdOn(link, texts, resolve)).catch(reject);
      }),
    async waiting() {
      return (await query(`select 1 from information_schema.innodb_trx where trx_state = 'LOCK WAIT'`))
        .length;
    },
    async stop() {
      await crash();
      process.off('exit', onExit);
      remove();
    },
  };
}

/** Runs texts in a transaction, and keeps that open until `held` gets what ends it. */
async function holdOn(
  link: Link,
  texts: readonly string[],
  held: (end: (...more: string[]) => Promise<void>) => void,
): Promise<void> {
  await link.query('begin');
  for (const text of texts) await link.query(text);
  await new Promise<void>((resolve) => {
    held(async (...more) => {
      for (const text of more) await link.query(text);
      await link.query('rollback');
      resolve();
    });
  });
}

/** What a store of MariaDB is opened with. */
export const contextFor = (changes: Partial<OpenContext>): OpenContext => contextOf(mariadb, changes);
