import type { Ticker } from '../../load/ticker.ts';

/** Holds what is pushed for a fixed time, then releases it, each by itself and in the order of the pushes. */
export interface DelayLine {
  push(release: () => void): void;
}

/** Rarely, for removing from the front of an array moves the rest. */
const TIDY_AFTER = 1024;

/** A line whose ticker is its own. @param now the clock of the ticker. */
export function createDelayLine(
  delayMs: number,
  ticker: Pick<Ticker, 'onWake' | 'wakeAt'>,
  now = () => performance.now(),
): DelayLine {
  let held: { dueMs: number; release: () => void }[] = [];
  let first = 0;

  function releaseDue(): void {
    let next = held[first];
    for (; next !== undefined && next.dueMs <= now(); next = held[first]) {
      first += 1;
      next.release();
    }
    if (first >= TIDY_AFTER || next === undefined) {
      held = held.slice(first);
      first = 0;
    }
    if (next !== undefined) ticker.wakeAt(next.dueMs);
  }

  ticker.onWake = releaseDue;
  return {
    push(release) {
      if (delayMs === 0) return release();
      const dueMs = now() + delayMs;
      held.push({ dueMs, release });
      if (held.length - first === 1) ticker.wakeAt(dueMs);
    },
  };
}
