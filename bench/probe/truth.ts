import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { startTicker } from '../load/ticker.ts';
import { median } from '../stats/median.ts';

/**
 * Two servers with known behaviour: one with a fixed delay, and one that is stopped once. Measurements of them are
 * compared with the truth. For the tests and scripts/generator-truth.ts.
 */

/** From a reply until the plain client's next request is due. */
const PAUSE_MS = 10;

/** Loads an origin; calls `onMeasuring` when the measured part begins. Returns its report. */
export type Measure<T> = (origin: string, onMeasuring: () => void) => Promise<T>;

export interface DelayTruth<T> {
  /** Median time of the server itself from a request to its reply, milliseconds. */
  serverMedianMs: number;
  /**
   * Median time of a plain client of the same server meanwhile, from when a request was due to its reply, milliseconds:
   * the server's own time, plus the machine's time to wake a sleeper, to carry a request and to wake two processes. On a
   * busy or slow machine that exceeds what the generator may add.
   */
  seenMedianMs: number;
  reported: T;
}

/** A server that replies to each request `delayMs` after it came, under load. */
export function withDelay<T>(delayMs: number, measure: Measure<T>): Promise<DelayTruth<T>> {
  return withServer('fixtures/delay-server.ts', [String(delayMs)], async (server, origin) => {
    let look: ReturnType<typeof observe> | undefined;
    const reported = await measure(origin, () => {
      server.send('begin');
      look = observe(origin);
    });
    if (look === undefined) throw new Error('the load ended before it was measured');
    const seenMedianMs = await (await look)();
    const answer = once(server, 'message');
    server.send('report');
    const [{ medianMs }] = (await answer) as [{ medianMs: number }];
    return { serverMedianMs: medianMs, seenMedianMs, reported };
  });
}

/**
 * Sends one request at a time, each due some milliseconds after the last reply: a server under light load sleeps until
 * the next request, as the client sleeps until it is due, and to wake either takes time. The returned function stops it
 * and returns the median time from due to reply, milliseconds.
 */
async function observe(origin: string): Promise<() => Promise<number>> {
  const { hostname, port, host } = new URL(origin);
  const ticker = await startTicker();
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const timesMs: number[] = [];
  let dueMs = performance.now();
  const send = () => socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  ticker.onWake = send;
  socket.on('connect', send).on('data', () => {
    const now = performance.now();
    timesMs.push(now - dueMs);
    dueMs = now + PAUSE_MS;
    ticker.wakeAt(dueMs);
  });
  return async () => {
    socket.destroy();
    await ticker.close();
    const seen = median(timesMs);
    if (seen === undefined) throw new Error('the plain client received no reply');
    return seen;
  };
}

export interface StopTruth<T> {
  /** How long the server was actually stopped, milliseconds. */
  stopMs: number;
  reported: T;
}

/** A fast server that is stopped by SIGSTOP for `stopMs`, `afterMs` after the measurement began. */
export function withStop<T>(
  { stopMs, afterMs }: { stopMs: number; afterMs: number },
  measure: Measure<T>,
): Promise<StopTruth<T>> {
  return withServer('null-server-main.ts', [], async (server, origin) => {
    let timer: NodeJS.Timeout | undefined;
    let stoppedMs: number | undefined;
    const reported = await measure(origin, () => {
      timer = setTimeout(() => {
        stoppedMs = stopFor(server.pid as number, stopMs);
      }, afterMs);
    });
    clearTimeout(timer);
    if (stoppedMs === undefined) throw new Error('the load ended before the server was to be stopped');
    return { stopMs: stoppedMs, reported };
  });
}

/**
 * Response time in milliseconds that the share `upTo` of all requests does not exceed when requests are due evenly for
 * `seconds` and the server is stopped once: those due during the stop wait for its rest, the first for all of it. The
 * time in which the server catches up is neglected: for a fast one it adds some hundredths.
 */
export function expectedAfterStop(upTo: number, stopMs: number, seconds: number): number {
  return stopMs - (1 - upTo) * seconds * 1000;
}

/** Stops a process for this long. Returns the time from the stop to its end: the wait blocks, so that no timer adds to it. */
export function stopFor(pid: number, stopMs: number): number {
  const begin = performance.now();
  process.kill(pid, 'SIGSTOP');
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stopMs);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  return performance.now() - begin;
}

async function withServer<T>(
  entry: string,
  args: readonly string[],
  use: (server: ChildProcess, origin: string) => Promise<T>,
): Promise<T> {
  const path = fileURLToPath(new URL(entry, import.meta.url));
  const server = fork(path, args, { execArgv: ['--import', 'tsx'] });
  const ended = once(server, 'exit');
  try {
    const died = ended.then(([code]) => Promise.reject(new Error(`${entry} ended with ${code}`)));
    died.catch(() => undefined);
    const [{ port }] = (await Promise.race([once(server, 'message'), died])) as [{ port: number }];
    return await Promise.race([use(server, `http://127.0.0.1:${port}`), died]);
  } finally {
    server.kill('SIGKILL');
    await ended;
  }
}
