/**
 * The guard: reads on stdin what the harness has started. When stdin ends (the harness has ended, perhaps by SIGKILL),
 * it stops everything that is still listed. Runs as plain JavaScript, bundled by guard.ts.
 */

import { realpathSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { isRunning, sendSignal, startTimeOf } from './process-identity.ts';

const TERM_WAIT_MS = 2_000;
const KILL_WAIT_MS = 1_000;
const POLL_MS = 20;
const ENGINE_TIMEOUT_MS = 10_000;

interface WatchedProcess {
  startTime: string;
  stopSignal: NodeJS.Signals;
}

const processes = new Map<number, WatchedProcess>();
const directories = new Set<string>();
/** Container id → path of the engine's socket. */
const containers = new Map<string, string>();

const COMMANDS: Readonly<Record<string, (rest: string) => void>> = {
  pid(rest) {
    const [pid, startTime, stopSignal] = rest.split(' ');
    processes.set(Number(pid), {
      startTime: startTime ?? '-',
      stopSignal: (stopSignal ?? 'SIGTERM') as NodeJS.Signals,
    });
  },
  unpid: (rest) => void processes.delete(Number(rest)),
  dir: (rest) => void directories.add(rest),
  undir: (rest) => void directories.delete(rest),
  container(rest) {
    const [id, ...socketPath] = rest.split(' ');
    if (id !== undefined) containers.set(id, socketPath.join(' '));
  },
  uncontainer: (rest) => void containers.delete(rest),
};

function runCommand(line: string): void {
  const space = line.indexOf(' ');
  COMMANDS[line.slice(0, space)]?.(line.slice(space + 1));
}

/** Excludes a process or group that has reused the pid. */
function isSameProcess(pid: number, { startTime }: WatchedProcess): boolean {
  const now = startTimeOf(pid);
  // Without its leader: the pid cannot be reused while members of its group are alive.
  const isSame = now === undefined || startTime === '-' || now === startTime;
  return isSame && isRunning(-pid);
}

function ownProcesses(): [number, WatchedProcess][] {
  return [...processes].filter(([pid, watched]) => isSameProcess(pid, watched));
}

async function untilGone(timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (ownProcesses().length > 0 && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

async function stopProcesses(): Promise<void> {
  // Only the leader gets the signal: it knows in which order its children must stop.
  for (const [pid, { stopSignal }] of ownProcesses())
    if (!sendSignal(pid, stopSignal)) sendSignal(-pid, 'SIGTERM');
  await untilGone(TERM_WAIT_MS);
  for (const [pid] of ownProcesses()) sendSignal(-pid, 'SIGKILL');
  await untilGone(KILL_WAIT_MS);
}

/** Only directories that the harness creates: directly in the system's temporary directory, with its prefix. */
function isRemovable(path: string): boolean {
  return (
    basename(path).startsWith('session-bench-') && realpathSync(dirname(path)) === realpathSync(tmpdir())
  );
}

function removeDirectory(path: string): void {
  if (isRemovable(path)) rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** Uses the engine's API: a machine with an engine may lack the docker command. */
function removeContainer(id: string, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const path = `/containers/${encodeURIComponent(id)}?force=1&v=1`;
    const call = request({ socketPath, path, method: 'DELETE', timeout: ENGINE_TIMEOUT_MS }, (reply) => {
      reply.resume().once('end', resolve);
    });
    call.once('timeout', () => call.destroy(new Error('expected a reply of the Docker engine, got none')));
    call.once('error', reject);
    call.end();
  });
}

/** Runs every step. Failures can only be reported by the exit code. */
async function cleanUp(): Promise<void> {
  await Promise.allSettled([
    stopProcesses(),
    ...[...containers].map(([id, socketPath]) => removeContainer(id, socketPath)),
  ]).then(noteFailures);
  // After the processes, which would write into them.
  await Promise.allSettled([...directories].map(async (path) => removeDirectory(path))).then(noteFailures);
  process.exit();
}

function noteFailures(outcomes: PromiseSettledResult<void>[]): void {
  if (outcomes.some(({ status }) => status === 'rejected')) process.exitCode = 1;
}

function main(): void {
  process.title = 'session-bench-guard';
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  let isEnded = false;
  const end = (): void => {
    if (!isEnded) void cleanUp();
    isEnded = true;
  };
  process.stdin.once('error', end);
  createInterface({ input: process.stdin }).on('line', runCommand).once('close', end);
  process.stdout.write('ready\n');
}

main();
