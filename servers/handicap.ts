/**
 * Planted slowness, to prove that the instrument finds it: no server carries any unless its configuration names it,
 * and without one nothing is registered. Health checks are spared.
 */

import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { SessionStore } from '../stores/store.ts';
import type { Transport } from './session-plugin.ts';

/** What is planted into every request; absent parts are not. */
export interface Handicap {
  /** CPU burned, in microseconds: the server is that much more expensive. */
  busyUs?: number;
  /** What of it the burning itself takes, as {@link ownCostUs} finds: the harness fills it in. */
  ownUs?: number;
  /** A wait that costs no CPU and leaves the server free meanwhile, in milliseconds. */
  sleepMs?: number;
  /** More readings of the request's session, one after the other: round trips, where there is a service. */
  extraTrips?: number;
  /** Every so many requests the whole server stands still for `stallMs`, without using CPU, as in a slow call to the disk. */
  stallEveryRequests?: number;
  stallMs?: number;
}

const KEYS: readonly (keyof Handicap)[] = [
  'busyUs',
  'ownUs',
  'sleepMs',
  'extraTrips',
  'stallEveryRequests',
  'stallMs',
];

/** The handicap itself. @throws Error naming what is unknown, no number, or only half of a stall. */
export function checkHandicap(handicap: Handicap): Handicap {
  for (const [key, value] of Object.entries(handicap)) {
    if (!(KEYS as readonly string[]).includes(key)) throw new Error(`no handicap is named ${key}`);
    if (typeof value !== 'number' || !(value >= 0 && value <= 1e6))
      throw new Error(`handicap ${key} must be a number from 0 to 1000000`);
  }
  if ((handicap.stallEveryRequests === undefined) !== (handicap.stallMs === undefined))
    throw new Error('handicap stallEveryRequests and stallMs go together');
  return handicap;
}

/**
 * Plants the handicap into every request of this application. What needs no waiting goes before the framework, for one more
 * hook of its own was seen to cost 2 µs [1.2, 2.9] besides what it does: more than the least that is to be planted.
 */
export function addHandicap(
  app: FastifyInstance,
  handicap: Handicap,
  { store, transport }: { store: SessionStore; transport: Transport },
): void {
  const {
    busyUs = 0,
    ownUs = 0,
    sleepMs = 0,
    extraTrips = 0,
    stallEveryRequests = 0,
    stallMs = 0,
  } = handicap;
  const isSpared = (request: { url?: string | undefined }) => request.url === '/healthz';
  if (busyUs > 0) {
    const burn = busyWait(busyUs - ownUs);
    app.server.prependListener('request', (request: IncomingMessage) => {
      if (!isSpared(request)) burn();
    });
  }
  if (stallEveryRequests > 0 && stallMs > 0) {
    const stall = standStill(stallMs);
    let requests = 0;
    app.server.prependListener('request', (request: IncomingMessage) => {
      if (isSpared(request)) return;
      requests += 1;
      if (requests % stallEveryRequests === 0) stall();
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

/** A function that looks at the clock until so many microseconds are over. */
export function busyWait(waitUs: number): () => void {
  const waitMs = Math.max(0, waitUs) / 1000;
  return () => {
    const end = performance.now() + waitMs;
    while (performance.now() < end);
  };
}

/**
 * What the listener costs besides the wait, in microseconds: with it, `scripts/server-cost.ts` found 0.9 [0.0, 1.8] µs more for a
 * wait of nothing and 4.6 [3.6, 5.3] for one of 4 (12 blocks, Node 20, 21 November 2026).
 */
const LISTENER_US = 0.6;
const TIMED_US = 5;
const CALLS_PER_BATCH = 50;
const BATCHES = 41;

/**
 * How much longer a busy-wait takes than it is told to, its listener included, in microseconds. Never to be asked in a server:
 * some milliseconds of such calls before the first request made servers 3 to 10 µs *cheaper* per request (it was measured;
 * that V8's young heap has then grown, and is collected less often, is a guess).
 */
export function ownCostUs(listenerUs: number = LISTENER_US): number {
  const burn = busyWait(TIMED_US);
  // The first round is also the one in which the compiler makes it fast.
  medianUs(burn);
  return Math.max(0, medianUs(burn) - TIMED_US) + listenerUs;
}

/** Time of a call in microseconds: the median of batches, for in some of them other work comes between. */
function medianUs(call: () => void): number {
  const batches = Array.from({ length: BATCHES }, () => {
    const start = performance.now();
    for (let index = 0; index < CALLS_PER_BATCH; index += 1) call();
    return ((performance.now() - start) * 1000) / CALLS_PER_BATCH;
  });
  return batches.sort((a, b) => a - b)[(BATCHES - 1) / 2] as number;
}

/** A function that blocks the thread, without using CPU. */
function standStill(durationMs: number): () => void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  return () => void Atomics.wait(never, 0, 0, durationMs);
}
