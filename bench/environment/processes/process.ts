/**
 * Child processes: started in their own group, awaited until ready, and stopped reliably. Uses node:child_process: a
 * server that ends is the error, while libraries resolve when a process ends, and do not clean up detached children.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { STEADY_FLAGS } from '../../../servers/node-flags.ts';
import { BenchError, type ErrorCode, messageOf } from '../../errors.ts';
import type { Guard } from './guard.ts';
import { hasCode, isRunning, sendSignal } from './process-identity.ts';
import { createOutputTail } from './process-output.ts';
import { awaitReadiness, notReadyError, type Ready, untilReady } from './process-ready.ts';

const STOP_TIMEOUT_MS = 3_000;
/** After the exit, the pipes may still hold output; another process may keep them open for ever. */
const LAST_WORDS_MS = 200;
/** How long stop() waits for the rest of a killed group. */
const GROUP_GONE_MS = 2_000;
/** With LD_LIBRARY_PATH, as when its version was asked: some programs lie elsewhere with their libraries. */
const INHERITED = ['PATH', 'LD_LIBRARY_PATH', 'HOME', 'USER', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL'];

export interface ProcessOptions {
  /** For people: `redis`, `server 2`. */
  name: string;
  command: string;
  args: readonly string[];
  /** Merged over a minimal inherited environment: INHERITED. */
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** Processors for it and its children, such as `0,2-3`; default all. Linux, by taskset. */
  cpus?: string | undefined;
  /** Runs as another user; only root may. */
  uid?: number;
  gid?: number;
  /** `ipc` opens a channel, `child.send`. */
  ready: Ready;
  /** Time limit to become ready, in milliseconds. */
  timeoutMs: number;
  /** Watches the process from its start to its exit. */
  guard: Guard;
  /** Aborts the start, not the started process. */
  signal?: AbortSignal;
  /** Code and remedy of the error when it does not become ready. A taken port is always PORT_IN_USE. */
  failure: { code: ErrorCode; remedy: string };
  /** Texts that must not appear in output or errors. */
  secrets?: readonly string[];
  /** The first signal of stop(); default SIGTERM. */
  stopSignal?: NodeJS.Signals;
  /** Time until SIGKILL, in milliseconds; default 3 s. */
  stopTimeoutMs?: number;
}

/** `code` is null when a signal ended it, and the reverse. */
export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface StartedProcess {
  name: string;
  pid: number;
  /** The port that it reported, or that was waited for; `undefined` with the other kinds of readiness. */
  port: number | undefined;
  /** Its ready message; absent with the other kinds of readiness. */
  message?: Readonly<Record<string, unknown>>;
  /** For IPC. Stop it by {@link stop} only. */
  child: ChildProcess;
  /** The last 16 KB of stdout and stderr, without secrets. */
  outputTail(): string;
  /** Never rejects. */
  exited: Promise<ProcessExit>;
  /** Signals the process, later kills its group, and resolves when all of it has ended. Idempotent. */
  stop(): Promise<void>;
  /** Calls the listener once if it exits without {@link stop}; at once if it already has. */
  onUnexpectedExit(listener: (exit: ProcessExit) => void): void;
}

/**
 * Starts a process and resolves once it is ready.
 * @throws BenchError with `failure.code` (or PORT_IN_USE) when it cannot be started, exits, or is not ready in time;
 * the signal's reason when aborted; what a readiness check throws. Then nothing is left running.
 */
export async function startProcess(options: ProcessOptions): Promise<StartedProcess> {
  options.signal?.throwIfAborted();
  const startedAt = Date.now();
  const running = await launch(options);
  try {
    const outcome = await awaitReadiness({
      ready: (release) => untilReady(running.child, options.ready, release),
      ended: running.exited.then(async (exit) => {
        await running.lastWords();
        return `${exitText(exit)} after ${Date.now() - startedAt} ms`;
      }),
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    });
    if ('failed' in outcome) throw notReadyError(options, outcome.failed, running.outputTail());
    return { ...running, name: options.name, ...outcome.ready };
  } catch (error) {
    await running.stop();
    throw error;
  }
}

const PROGRAM_TIMEOUT_MS = 10_000;

/** Starts one of our programs with this Node; it reports over IPC when it is ready. @throws as {@link startProcess}. */
export function startProgram(
  program: string,
  code: ErrorCode,
  options: Pick<ProcessOptions, 'name' | 'guard' | 'signal' | 'cpus'>,
): Promise<StartedProcess> {
  return startProcess({
    ...options,
    command: process.execPath,
    args: [...STEADY_FLAGS, program],
    ready: 'ipc',
    timeoutMs: PROGRAM_TIMEOUT_MS,
    failure: { code, remedy: 'Find the cause in that output, then run again.' },
  });
}

type Running = Omit<StartedProcess, 'name' | 'port' | 'message'> & { lastWords: () => Promise<void> };

async function launch(options: ProcessOptions): Promise<Running> {
  const { guard, stopSignal = 'SIGTERM', stopTimeoutMs = STOP_TIMEOUT_MS } = options;
  const child = spawnChild(options);
  const { pid } = child;
  if (pid === undefined) throw await spawnError(child, options);
  try {
    guard.watchProcess(pid, stopSignal);
  } catch (error) {
    sendSignal(-pid, 'SIGKILL');
    throw error;
  }

  const output = createOutputTail(options.secrets ?? []);
  output.follow(child.stdout);
  output.follow(child.stderr);
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let isStopping = false;
  let unexpected: ProcessExit | undefined;
  const listeners: ((exit: ProcessExit) => void)[] = [];
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('exit', (code, signal) => {
      // Ends what the leader left behind.
      sendSignal(-pid, 'SIGKILL');
      guard.unwatchProcess(pid);
      if (!isStopping) {
        unexpected = { code, signal };
        for (const listener of listeners) listener(unexpected);
      }
      resolve({ code, signal });
    });
  });
  // A message to a child that has just ended fails here; its exit is what gets reported.
  child.on('error', (error) => output.note(messageOf(error)));

  return {
    pid,
    child,
    exited,
    outputTail: output.text,
    lastWords: () => Promise.race([closed, sleep(LAST_WORDS_MS)]),
    async stop() {
      if (!isStopping && child.exitCode === null && child.signalCode === null) {
        sendSignal(pid, stopSignal);
        const escalation = setTimeout(() => sendSignal(-pid, 'SIGKILL'), stopTimeoutMs);
        void exited.finally(() => clearTimeout(escalation));
      }
      isStopping = true;
      await exited;
      await untilGroupIsGone(pid);
    },
    onUnexpectedExit(listener) {
      if (unexpected !== undefined) listener(unexpected);
      else listeners.push(listener);
    },
  };
}

function spawnChild(options: ProcessOptions): ChildProcess {
  const { cwd, uid, gid, ready, cpus } = options;
  // taskset execs the command: the pid stays the same.
  const [command, ...args] = [
    ...(cpus === undefined ? [] : ['taskset', '--cpu-list', cpus]),
    options.command,
    ...options.args,
  ] as [string, ...string[]];
  const inherited = INHERITED.flatMap((key) =>
    process.env[key] === undefined ? [] : [[key, process.env[key]]],
  );
  return spawn(command, args, {
    // Its own group and session: the terminal's Ctrl-C reaches only the harness, which then stops everything in order.
    detached: true,
    stdio: ready === 'ipc' ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
    env: { ...Object.fromEntries(inherited), ...options.env },
    ...(cwd === undefined ? {} : { cwd }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
}

function spawnError(child: ChildProcess, options: ProcessOptions): Promise<BenchError> {
  const { name, failure, cpus } = options;
  const command = cpus === undefined ? options.command : 'taskset';
  return new Promise((resolve) => {
    child.once('error', (cause) => {
      const reason = hasCode(cause, 'ENOENT') ? `no such command or directory: ${command}` : messageOf(cause);
      resolve(new BenchError({ ...failure, expected: `${name} to start`, got: reason, cause }));
    });
  });
}

/** Describes how a process ended. */
export function exitText({ code, signal }: ProcessExit): string {
  return signal === null ? `exit code ${code}` : `an end by ${signal}`;
}

/** The group was killed when its leader ended; the rest of it may take a moment, longer on a busy machine. */
async function untilGroupIsGone(pid: number): Promise<void> {
  for (const until = Date.now() + GROUP_GONE_MS; isRunning(-pid) && Date.now() < until; ) await sleep(5);
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
