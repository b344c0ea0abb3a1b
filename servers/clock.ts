/** Time as the store sees it. In a measured run it is the machine's clock until the load has ended. */

import type { ServerConfig } from './config.ts';

/** Message that sets how far the clock is ahead, in milliseconds. A server with an adjustable clock replies to it. */
export interface ClockMessage {
  type: 'clock';
  offsetMs: number;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now: () => number;
  setOffset: (offsetMs: number) => void;
  /** Whether the message `clock` may set the offset. */
  isAdjustable: boolean;
}

/** Creates the clock for this configuration. */
export function createClock({
  clockOffsetMs,
  adjustableClock = false,
}: Pick<ServerConfig, 'clockOffsetMs' | 'adjustableClock'>): Clock {
  let offset = clockOffsetMs ?? 0;
  const setOffset = (offsetMs: number): void => {
    offset = offsetMs;
  };
  return { now: () => Date.now() + offset, setOffset, isAdjustable: adjustableClock };
}
