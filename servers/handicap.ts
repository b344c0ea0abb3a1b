/**
 * Planted slowness, to prove that the instrument detects it. Nothing is registered unless the configuration sets one.
 * Health checks are exempt.
 */

import { openSync, writeSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { SessionStore } from '../stores/store.ts';
import { HANDICAP_KEYS } from './frozen.ts';
import type { Handicap } from './protocol.ts';
import type { Transport } from './session-plugin.ts';

/** Validates the handicap. @throws Error for an unknown key, a value that is not a number, or only half of a stall. */
export function checkHandicap(handicap: Handicap): Handicap {
  for (const [key, value] of Object.entries(handicap)) {
    if (!(HANDICAP_KEYS as readonly string[]).includes(key)) throw new Error(`no handicap is named ${key}`);
    if (typeof value !== 'number' || !(value >= 0 && value <= 1e6))
      throw new Error(`handicap ${key} must be a number from 0 to 1000000`);
  }
  if ((handicap.stallEveryRequests === undefined) !== (handicap.stallMs === undefined))
    throw new Error('handicap stallEveryRequests and stallMs go together');
  return handicap;
}

/**
 * Adds the handicap to every request of this application. What needs no waiting runs before the framework: an
 * additional hook costs 2 µs [1.2, 2.9] by itself, more than the smallest delay to be planted.
 */
export function addHandicap(
  app: FastifyInstance,
  handicap: Handicap,
  { store, transport }: { store: SessionStore; transport: Transport },
): void {
  const { busyUs, sleepMs = 0, extraTrips = 0, extraWrites = 0 } = handicap;
  const { stallEveryRequests = 0, stallMs = 0 } = handicap;
  const isSpared = (request: { url?: string | undefined }) => request.url === '/healthz';
  if (busyUs !== undefined) {
    const burn = busyWait(busyUs);
    app.server.prependListener('request', (request: IncomingMessage) => {
      if (!isSpared(request)) burn();
    });
  }
  if (stallEveryRequests > 0 && stallMs > 0) {
    const stall = blockThread(stallMs);
    let requests = 0;
    app.server.prependListener('request', (request: IncomingMessage) => {
      if (isSpared(request)) return;
      requests += 1;
      if (requests % stallEveryRequests === 0) stall();
    });
  }
  if (extraWrites > 0) {
    const sink = openSync('/dev/null', 'w');
    app.server.prependListener('request', (request: IncomingMessage) => {
      for (let write = 0; write < extraWrites && !isSpared(request); write += 1) writeSync(sink, '.');
    });
  }
  if (sleepMs > 0) {
    app.addHook('onRequest', (request, _reply, done) => {
      if (isSpared(request)) done();
      else setTimeout(done, sleepMs);
    });
  }
  if (extraTrips > 0) {
    app.addHook('onRequest', async (request) => {
      const token = transport.tokenOf(request);
      if (token === undefined) return;
      for (let trip = 0; trip < extraTrips; trip += 1) await store.read(token);
    });
  }
}

/** Returns a function that polls the clock until this many microseconds have passed. */
export function busyWait(waitUs: number): () => void {
  const waitMs = Math.max(0, waitUs) / 1000;
  return () => {
    const end = performance.now() + waitMs;
    while (performance.now() < end);
  };
}

/** Returns a function that blocks the thread without using CPU. */
function blockThread(durationMs: number): () => void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  return () => void Atomics.wait(never, 0, 0, durationMs);
}
