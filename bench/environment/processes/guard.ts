/** Nothing is left running after any exit, not even after `kill -9` of the harness: a small process sees to it. */

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
  /** Removes it with all that is in it; once removed, does nothing. */
  remove(): void;
}

export interface Guard {
  /** Pid of the guard itself, for tests and for `doctor`. */
  pid: number;
  /**
   * Lists a child that leads its own process group. At the end its leader gets `stopSignal` (SIGTERM unless
   * given), and 2 s later the group SIGKILL. On Linux a reused pid is never hit; macOS cannot tell.
   */
  watchProcess(pid: number, stopSignal?: NodeJS.Signals): void;
  unwatchProcess(pid: number): void;
  /** Lists a directory. It is removed only if it lies directly in os.tmpdir() and is named `session-bench-*`. */
  watchDirectory(path: string): void;
  unwatchDirectory(path: string): void;
  /** Makes and lists a private directory (mode 0700) `session-bench-LABEL-…`. */
  createDirectory(label: string): TemporaryDirectory;
  /** Lists a container, to be removed through the engine's unix socket. */
  watchContainer(id: string, socketPath: string): void;
  unwatchContainer(id: string): void;
  /** Ends the guard, which stops what is still listed, and waits for it. Idempotent. @throws when it could not clean up all. */
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
  // `exited` is asked before the first line can fail: a broken pipe then only confirms what it tells.
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let lost: string | undefined;
  stdin.on('error', (error) => {
    lost ??= error.message;
  });

  const tell = (line: string): void => {
    if (child.exitCode !== null || child.signalCode !== null) lost ??= 'it has ended';
    if (lost !== undefined) throw new Error(`The guard process ${pid} is lost: ${lost}`);
    if (line.includes('\n')) throw new Error('a name with a line break cannot be guarded');
    // To a pipe with room this writes at once, so that what was told survives a SIGKILL of ours.
    stdin.write(`${line}\n`);
  };
  const untell = (line: string): void => {
    if (lost === undefined && child.exitCode === null && !stdin.writableEnded) stdin.write(`${line}\n`);
  };
  const watchDirectory = (path: string): void => tell(`dir ${path}`);
  const unwatchDirectory = (path: string): void => untell(`undir ${path}`);

  return {
    pid,
    watchProcess: (child, stopSignal = 'SIGTERM') =>
      tell(`pid ${child} ${startTimeOf(child) ?? '-'} ${stopSignal}`),
    unwatchProcess: (child) => untell(`unpid ${child}`),
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
    watchContainer: (id, socketPath) => tell(`container ${id} ${socketPath}`),
    unwatchContainer: (id) => untell(`uncontainer ${id}`),
    async close() {
      child.ref();
      stdin.end();
      const [code, signal] = await exited;
      if (code !== 0)
        throw new Error(`the guard ended with ${signal ?? `exit code ${code}`}: not all is cleaned up`);
    },
  };
}

/**
 * The bare process, which reads the lines that guard-main.ts knows: for {@link openGuard} and its tests. It has a
 * session of its own, so that neither Ctrl-C nor a closed terminal reaches it.
 * @throws when it ends before it watches.
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
  // The guard outlives the harness, and never keeps it alive.
  child.unref();
  (child.stdin as Socket | null)?.unref();
  return child;
}

/**
 * tsx would take a quarter of a second and a second process, and Node 20 reads no TypeScript: so it is
 * bundled to a few kilobytes of plain JavaScript, in about 20 ms.
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
  if (output === undefined) throw new Error('esbuild made no guard');
  return output.text;
}
