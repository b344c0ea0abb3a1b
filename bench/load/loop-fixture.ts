import { createServer, type Server, type ServerResponse } from 'node:http';
import {
  type AddressInfo,
  createServer as createRawServer,
  type Server as RawServer,
  type Socket,
} from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'vitest';
import type { OperationResult } from './job.ts';
import type { LiveRequest } from './live-request.ts';
import { createSliceLoop, type SliceLoop, type SliceLoopOptions } from './slice-loop.ts';
import { resultsOf } from './tally.ts';

/** Servers with correct and faulty behaviour, and loops against them, for the tests of the generator. */

const closers: (() => void)[] = [];

/** Closes everything that a test has opened. */
export function closeAll(): void {
  for (const close of closers.splice(0)) close();
}

function portOf(server: RawServer): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    );
  });
}

export interface ServedHttp {
  url: string;
  server: Server;
}

/** A server of HTTP; `answer` gets the path. */
export async function serveHttp(
  answer: (path: string, response: ServerResponse, socket: Socket) => void,
): Promise<ServedHttp> {
  const server = createServer((request, response) => {
    request.resume();
    answer(request.url ?? '', response, request.socket);
  });
  closers.push(() => server.close().closeAllConnections());
  return { url: await portOf(server), server };
}

/** A server that gets each request as text and writes anything. `sockets` are its open connections. */
export async function serveRaw(
  answer: (socket: Socket, request: string) => void,
): Promise<{ url: string; sockets: Set<Socket>; server: RawServer }> {
  const sockets = new Set<Socket>();
  const server = createRawServer((socket) => {
    sockets.add(socket);
    socket.on('data', (bytes) => answer(socket, bytes.toString('latin1')));
    // Some tests provoke a reset.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { url: await portOf(server), sockets, server };
}

export const reply = (body: string, head = 'HTTP/1.1 200 OK') =>
  `${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** A request that expects its own path as the reply. */
export const get = (path: string, change: Partial<LiveRequest> = {}): LiveRequest => ({
  operation: 'read',
  method: 'GET',
  path,
  headers: {},
  check: (status, body) => status === 200 && body === path,
  ...change,
});

export interface TestLoop extends SliceLoop {
  failures: string[];
  /** The sum since the last call, all operations first. */
  results(): Promise<OperationResult[]>;
  all(): Promise<OperationResult>;
}

/** A loop of some connections that send the same list. */
export function loopOn(
  url: string,
  requests: readonly LiveRequest[],
  {
    connections = 3,
    isSentOnce = false,
    ...options
  }: Partial<SliceLoopOptions> & {
    connections?: number;
    isSentOnce?: boolean;
  } = {},
): TestLoop {
  const failures: string[] = [];
  const loop = createSliceLoop({
    targets: [url],
    plans: Array.from({ length: connections }, () => ({ requests, isSentOnce })),
    onFailure: (request, status, body) => failures.push(`${request.path} ${status} ${body}`),
    seed: 1,
    ...options,
  });
  closers.push(() => loop.close());
  const results = async () => {
    const operations = await resultsOf(loop.take().tallies);
    for (const one of operations) expectAccounted(one);
    return operations;
  };
  return { ...loop, failures, results, all: async () => (await results())[0] as OperationResult };
}

/** Invariants of the counters. */
export function expectAccounted(one: OperationResult): void {
  const { scheduled, completed, connErrors, timeouts, dropped, inflightEnd } = one;
  expect(completed + connErrors + timeouts + dropped + inflightEnd).toBe(scheduled);
  expect(one.ok + one.http4xx + one.http5xx + one.checkFailed).toBe(completed);
  expect(inflightEnd).toBe(0);
}

/** Waits until the condition holds on both ends in this process. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await setTimeout(5);
  await setTimeout(5);
}
