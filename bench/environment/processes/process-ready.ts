/** When a started process counts as ready, and the error when it does not become ready. */

import type { ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { BenchError, type ErrorCode } from '../../errors.ts';

const POLL_MS = 15;
const CONNECT_TIMEOUT_MS = 500;
const LAST_WORDS_CHARACTERS = 1_000;

/**
 * `ipc`: the child sends `{ type: 'ready', port }`. `tcp`: the port accepts a connection. `check`: returns true; false
 * means not yet, and a throw means never. `spawned`: at once.
 */
export type Ready =
  | 'ipc'
  | 'spawned'
  | { tcp: { host: string; port: number } }
  | { check: () => Promise<boolean> };

/** The port that was reported or waited for, and the message over IPC. */
export interface ReadyResult {
  port: number | undefined;
  message?: Readonly<Record<string, unknown>>;
}

/** Resolves once ready. Stops polling when `signal` aborts. */
export async function untilReady(
  child: ChildProcess,
  ready: Ready,
  signal: AbortSignal,
): Promise<ReadyResult> {
  if (ready === 'spawned') return { port: undefined };
  if (ready === 'ipc') return readyMessage(child);
  const check = 'check' in ready ? ready.check : () => acceptsConnection(ready.tcp.host, ready.tcp.port);
  await pollUntil(check, signal);
  return { port: 'tcp' in ready ? ready.tcp.port : undefined };
}

/** Polls until the check returns true or `signal` aborts. @throws what `check` throws. */
export async function pollUntil(check: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !(await check())) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

/** Whether a TCP connection is accepted there within half a second. */
function acceptsConnection(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_TIMEOUT_MS });
    const answer = (isOpen: boolean) => (): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', answer(true)).once('error', answer(false)).once('timeout', answer(false));
  });
}

function readyMessage(child: ChildProcess): Promise<ReadyResult> {
  return new Promise((resolve) => {
    const onMessage = (message: unknown): void => {
      if (typeof message !== 'object' || message === null) return;
      if (!('type' in message) || message.type !== 'ready') return;
      child.off('message', onMessage);
      const port = 'port' in message && typeof message.port === 'number' ? message.port : undefined;
      resolve({ port, message: message as Record<string, unknown> });
    };
    child.on('message', onMessage);
  });
}

export interface Readiness<T> {
  /** Resolves once ready, and stops when its signal aborts. */
  ready: (release: AbortSignal) => Promise<T>;
  /** Resolves, with a description, when it ended instead. */
  ended: Promise<string>;
  timeoutMs: number;
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
}

/**
 * Waits until it is ready, or returns why it is not.
 * @throws the signal's reason when aborted; what `ready` throws.
 */
export async function awaitReadiness<T>(readiness: Readiness<T>): Promise<{ ready: T } | { failed: string }> {
  const { ready, ended, timeoutMs, signal } = readiness;
  const release = new AbortController();
  try {
    const outcome = await Promise.race([
      ready(release.signal).then((value) => ({ ready: value })),
      ended.then((failed) => ({ failed })),
      untilAborted(AbortSignal.timeout(timeoutMs), release.signal).then(() => ({
        failed: `nothing in ${timeoutMs} ms`,
      })),
      untilAborted(signal, release.signal),
    ]);
    signal?.throwIfAborted();
    if (outcome === undefined) throw new Error('aborted');
    return outcome;
  } finally {
    release.abort();
  }
}

/** The error when something did not become ready; for a taken port always PORT_IN_USE. */
export function notReadyError(
  {
    name,
    timeoutMs,
    failure,
  }: { name: string; timeoutMs: number; failure: { code: ErrorCode; remedy: string } },
  outcome: string,
  outputTail: string,
): BenchError {
  const isPortTaken = /EADDRINUSE|address already in use|could not bind/i.test(outputTail);
  const lastWords =
    outputTail === '' ? 'no output' : `the output "${outputTail.slice(-LAST_WORDS_CHARACTERS)}"`;
  return new BenchError({
    ...failure,
    code: isPortTaken ? 'PORT_IN_USE' : failure.code,
    expected: `${name} ready within ${timeoutMs} ms`,
    got: `${outcome}, with ${lastWords}`,
  });
}

/** Resolves when `signal` aborts; never without one. `release` removes the listener. */
function untilAborted(signal: AbortSignal | undefined, release: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve(undefined);
    signal?.addEventListener('abort', () => resolve(undefined), { once: true, signal: release });
  });
}
