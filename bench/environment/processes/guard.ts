/**
 * Ensures that nothing is left running after any exit, even after `kill -9` of the harness, by a small separate
 * process.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { startTimeOf } from './process-identity.ts';

const READY_TIMEOUT_MS = 10_000;

export interface TemporaryDirectory {
  path: string;
  /** Removes it with its content; later calls do nothing. */
  remove(): void;
}

export interface Guard {
  /** Pid of the guard, for tests and for `doctor`. */
  pid: number;
  /**
   * Lists a child that leads its own process group. At the end its leader gets `stopSignal` (default SIGTERM), and 2 s
   * later the group SIGKILL. On Linux a reused pid is never signalled; on macOS that cannot be detected.
   */
  watchProcess(pid: number, stopSignal?: NodeJS.Signals): void;
  unwatchProcess(pid: number): void;
  /** Lists a directory. It is removed only if it is directly in os.tmpdir() and named `session-bench-*`. */
  watchDirectory(path: string): void;
  unwatchDirectory(path: string): void;
  /** Creates and lists a private directory (mode 0700) `session-bench-LABEL-…`. */
  createDirectory(label: string): TemporaryDirectory;
  /** Lists a container, which is removed through the engine's unix socket. */
  watchContainer(id: string, socketPath: string): void;
  unwatchContainer(id: string): void;
  /**
   * Ends the guard, which stops what is still listed, and waits for it. Idempotent. @throws when the cleanup is
   * incomplete.
   */
  close(): Promise<void>;
}

/**
 * Starts the guard; resolves once it watches. All `watch` methods throw if the guard has died meanwhile.
 * @throws when the guard process cannot be started.
 */
export async function openGuard(): Promise<Guard> {
  const child = await startGuardProcess();
  const { pid, stdin } = child;
  if (pid === undefined || stdin === null) throw new Error('the guard has neither pid nor stdin');
  // Registered before the first write can fail: a broken pipe then only confirms the exit.
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let lost: string | undefined;
  stdin.on('error', (error) => {
    lost ??= error.message;
  });

  const send = (line: string): void => {
    if (child.exitCode !== null || child.signalCode !== null) lost ??= 'it has ended';
    if (lost !== undefined) throw new Error(`The guard process ${pid} is lost: ${lost}`);
    if (line.includes('\n')) throw new Error('a name with a line break cannot be guarded');
    // A write to a pipe with space is synchronous, so that the line survives a SIGKILL of the harness.
    stdin.write(`${line}\n`);
  };
  const sendIfAlive = (line: string): void => {
    if (lost === undefined && child.exitCode === null && !stdin.writableEnded) stdin.write(`${line}\n`);
  };
  const watchDirectory = (path: string): void => send(`dir ${path}`);
  const unwatchDirectory = (path: string): void => sendIfAlive(`undir ${path}`);

  return {
    pid,
    watchProcess: (child, stopSignal = 'SIGTERM') =>
      send(`pid ${child} ${startTimeOf(child) ?? '-'} ${stopSignal}`),
    unwatchProcess: (child) => sendIfAlive(`unpid ${child}`),
    watchDirectory,
    unwatchDirectory,
    createDirectory(label) {
      const path = mkdtempSync(join(tmpdir(), `session-bench-${label}-`));
      watchDirectory(path);
      const remove = (): void => {
        rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
        unwatchDirectory(path);
      };
      return { path, remove };
    },
    watchContainer: (id, socketPath) => send(`container ${id} ${socketPath}`),
    unwatchContainer: (id) => sendIfAlive(`uncontainer ${id}`),
    async close() {
      child.ref();
      stdin.end();
      const [code, signal] = await exited;
      if (code !== 0)
        throw new Error(`expected the guard to clean up everything, got ${signal ?? `exit code ${code}`}`);
    },
  };
}

/**
 * The bare process, which reads the commands of guard-main.ts: for {@link openGuard} and its tests. It has its own
 * session, so that neither Ctrl-C nor a closed terminal reaches it.
 * @throws when it exits before it watches.
 */
export async function startGuardProcess(): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', guardCode()], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: '/',
    env: { TMPDIR: tmpdir() },
  });
  const ready = once(child.stdout as NodeJS.ReadableStream, 'data', {
    signal: AbortSignal.timeout(READY_TIMEOUT_MS),
  });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`The guard process ended at once with exit code ${code}`);
  });
  await Promise.race([ready, failed]);
  child.stdout?.destroy();
  // The guard outlives the harness, and does not keep it alive.
  child.unref();
  (child.stdin as Socket | null)?.unref();
  return child;
}

/**
 * tsx would take a quarter of a second and a second process, and Node 20 cannot run TypeScript. So it is bundled to a
 * few kilobytes of plain JavaScript, in about 20 ms.
 */
function guardCode(): string {
  const entry = fileURLToPath(new URL('./guard-main.ts', import.meta.url));
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    minify: true,
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error('expected esbuild to emit the guard, got nothing');
  return output.text;
}
