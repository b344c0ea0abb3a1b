import type { Channel, Traffic } from './channel.ts';

/** How a loop ended, beside the tallies. Times of `performance.now()`. */
export interface LoopEnd {
  endMs: number;
  /** Open loop: requests due and not yet sent when the last one became due. */
  backlogEnd: number;
  /** The same, plus those sent and without a reply at that moment. */
  outstandingEnd: number;
}

/** A running loop. */
export interface RunningLoop {
  startMs: number;
  /** Resolves when nothing is in flight any more. */
  ended: Promise<LoopEnd>;
  /** Requests that are due now and not yet sent. */
  waiting(): number;
  /** Ends it now, whatever is in flight. */
  stop(): void;
}

const MAX_SWEEP_MS = 100;

/**
 * Ends overdue requests periodically, until the returned function is called: one timer for all connections instead of
 * one for each request. `onSweep` is called after each sweep.
 */
export function startSweeping(
  channels: readonly Channel[],
  traffic: Traffic,
  onSweep: (nowMs: number) => void = () => undefined,
): () => void {
  const sweep = () => {
    const nowMs = performance.now();
    for (const channel of channels) channel.sweep(nowMs);
    onSweep(nowMs);
  };
  const timer = setInterval(sweep, Math.min(MAX_SWEEP_MS, traffic.timeoutMs / 4));
  return () => clearInterval(timer);
}

/** A promise and the function that fulfils it (as Promise.withResolvers, which Node 20 lacks). */
export function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
