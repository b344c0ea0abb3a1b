import type { Traffic } from './channel.ts';

/** Keeps the event loop from sleeping, and counts the time in which it had nothing to do. */
export interface Awake {
  /** Lets it sleep again; returns the time without work since the start, nanoseconds. */
  end(): number;
}

/** An empty turn takes some microseconds; in a longer one the process was not on its processor. */
const MAX_TURN_MS = 0.1;

/**
 * While it runs, the loop polls its sockets without waiting. A generator that sleeps between replies makes the server
 * pay for waking it (docs/measurement.md); one that never sleeps needs a processor of its own. A turn of the loop in
 * which no request was sent and none ended is time without work.
 */
export function stayAwake(traffic: Pick<Traffic, 'lastSendMs' | 'lastEndMs'>): Awake {
  let { lastSendMs, lastEndMs } = traffic;
  let turnedMs = performance.now();
  let idleMs = 0;
  let next: NodeJS.Immediate | undefined;
  const turn = () => {
    const nowMs = performance.now();
    const tookMs = nowMs - turnedMs;
    const isIdle = traffic.lastSendMs === lastSendMs && traffic.lastEndMs === lastEndMs;
    if (isIdle && tookMs < MAX_TURN_MS) idleMs += tookMs;
    ({ lastSendMs, lastEndMs } = traffic);
    turnedMs = nowMs;
    next = setImmediate(turn);
  };
  next = setImmediate(turn);
  return {
    end() {
      clearImmediate(next);
      return Math.round(idleMs * 1e6);
    },
  };
}
