/**
 * The guard: reads on stdin what the harness has started, and when stdin ends (the harness ended, were it
 * by SIGKILL) stops whatever is still listed. Runs as plain JavaScript, bundled by guard.ts.
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

function obey(line: string): void {
  const space = line.indexOf(' ');
  COMMANDS[line.slice(0, space)]?.(line.slice(space + 1));
}

/** Never a process or group that merely bears a pid which once was ours. */
function isStillOurs(pid: number, { startTime }: WatchedProcess): boolean {
  const now = startTimeOf(pid);
  // When the leader is gone: its pid cannot be given out again while members of its group live.
  const isSame = now === undefined || startTime === '-' || now === startTime;
  return isSame && isRunning(-pid);
}

function ours(): [number, WatchedProcess][] {
  return [...processes].filter(([pid, watched]) => isStillOurs(pid, watched));
}

async function untilGone(timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (ours().length > 0 && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

async function stopProcesses(): Promise<void> {
  // The leader alone is asked: it knows in which order its children must end.
  for (const [pid, { stopSignal }] of ours()) if (!sendSignal(pid, stopSignal)) sendSignal(-pid, 'SIGTERM');
  await untilGone(TERM_WAIT_MS);
  for (const [pid] of ours()) sendSignal(-pid, 'SIGKILL');
  await untilGone(KILL_WAIT_MS);
}

/** Only directories that the harness makes: directly in the system's temporary directory, by our name. */
function isRemovable(path: string): boolean {
  return (
    basename(path).startsWith('session-bench-') && realpathSync(dirname(path)) === realpathSync(tmpdir())
  );
}

function removeDirectory(path: string): void {
  if (isRemovable(path)) rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** By the engine's own API, for a machine with an engine need not have the docker command. */
function removeContainer(id: string, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const path = `/containers/${encodeURIComponent(id)}?force=1&v=1`;
    const call = request({ socketPath, path, method: 'DELETE', timeout: ENGINE_TIMEOUT_MS }, (reply) => {
      reply.resume().once('end', resolve);
    });
    call.once('timeout', () => call.destroy(new Error('the engine does not answer')));
    call.once('error', reject);
    call.end();
  });
}

/** Every step is tried. There is nobody left to tell about a failure, other than by the exit code. */
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
  createInterface({ input: process.stdin }).on('line', obey).once('close', end);
  process.stdout.write('ready\n');
}

main();
