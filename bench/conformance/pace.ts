import { setMaxListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type { Reply } from '../load/client.ts';

/** What one check has done so far. */
export interface PaceAccount {
  /** Requests that had their turn. */
  requests: number;
  /** Time in which some request waited for its turn, or as the site asked, milliseconds. */
  waitedMs: number;
}

/** Spaces out the requests to a site that limits them. */
export interface Pace {
  /** Resolves when the next request may be sent. Rejects when the check that sends it is over. */
  turn(): Promise<void>;
  /** Waits for as long as a site asks. Rejects when the check is over. */
  pause(ms: number): Promise<void>;
  /** From now on requests belong to a check that ends with this signal, and are accounted anew. */
  during(signal: AbortSignal): void;
  account(): PaceAccount;
}

/** @param perSecond requests; without it there is no pause. */
export function createPace(perSecond: number | undefined): Pace {
  let current: AbortSignal | undefined;
  let nextMs = 0;
  let askedMs = 0;
  let requests = 0;
  let waits = createWaits();
  return {
    async turn() {
      const signal = current;
      signal?.throwIfAborted();
      requests += 1;
      if (perSecond === undefined) return;
      const dueMs = Math.max(nextMs, performance.now());
      nextMs = dueMs + 1000 / perSecond;
      await waits.of(setTimeout(dueMs - performance.now()));
      signal?.throwIfAborted();
    },
    async pause(ms) {
      askedMs += ms;
      if (askedMs > MOST_ASKED_MS) {
        throw new TooManyRequests(
          `the site asked to wait for more than ${MOST_ASKED_MS / 60_000} minutes in one check (429 with Retry-After): ` +
            REMEDY,
        );
      }
      await waits.of(setTimeout(ms, undefined, current === undefined ? {} : { signal: current }));
    },
    during(signal) {
      current = signal;
      // Each pause listens.
      setMaxListeners(0, signal);
      [requests, askedMs, waits] = [0, 0, createWaits()];
    },
    account: () => ({ requests, waitedMs: waits.totalMs() }),
  };
}

/** Time in which at least one of several is waited for. */
function createWaits() {
  let open = 0;
  let sinceMs = 0;
  let closedMs = 0;
  return {
    async of(wait: Promise<unknown>): Promise<void> {
      if (open === 0) sinceMs = performance.now();
      open += 1;
      try {
        await wait;
      } finally {
        open -= 1;
        if (open === 0) closedMs += performance.now() - sinceMs;
      }
    },
    totalMs: () => closedMs + (open === 0 ? 0 : performance.now() - sinceMs),
  };
}

/** The site refuses requests that come too often. */
export class TooManyRequests extends Error {}

/** A site that asks for a longer pause is not waited for. */
const MAX_WAIT_MS = 60_000;
const TRIES = 3;
/** Nor is one that asks for many of them. */
const MOST_ASKED_MS = 900_000;
const REMEDY = 'lower "requestsPerSecond" in the contract, or raise the limit of the site';

/**
 * Sends again what an external site refused for coming too often (429), after the pause that it asks for (RFC 9110
 * §10.2.3).
 * @throws TooManyRequests when it goes on refusing: that says nothing about sessions.
 */
export async function patiently<R extends Reply>(
  send: () => Promise<R>,
  pause: Pace['pause'] = setTimeout,
): Promise<R> {
  for (let attempt = 1; ; attempt += 1) {
    const reply = await send();
    if (reply.status !== 429) return reply;
    const waitMs = retryAfterMs(reply.headers['retry-after']);
    if (waitMs === undefined || waitMs > MAX_WAIT_MS || attempt === TRIES) {
      const asked = reply.headers['retry-after'];
      const pause = asked === undefined ? 'without a Retry-After' : `with Retry-After: ${asked}`;
      throw new TooManyRequests(`the site refuses requests that come too often (429 ${pause}): ${REMEDY}`);
    }
    await pause(waitMs);
  }
}

/** Seconds or a date; `undefined` for anything else. */
function retryAfterMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  // A date of HTTP (RFC 9110 §5.6.7), which begins with the day of the week.
  const at = /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
