/** Time as the store sees it. In a measured run it is the machine's own, by the function that reads it. */

import type { ServerConfig } from './config.ts';

/** Message that sets how far the clock is ahead, in milliseconds; a server with an adjustable clock answers it. */
export interface ClockMessage {
  type: 'clock';
  offsetMs: number;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** `undefined` where the clock is not adjustable. */
  setOffset: ((offsetMs: number) => void) | undefined;
}

/** The clock that this configuration asks for. */
export function createClock({
  clockOffsetMs,
  adjustableClock = false,
}: Pick<ServerConfig, 'clockOffsetMs' | 'adjustableClock'>): Clock {
  if (!adjustableClock && clockOffsetMs === undefined) return { now: Date.now, setOffset: undefined };
  let offset = clockOffsetMs ?? 0;
  const setOffset = (offsetMs: number): void => {
    offset = offsetMs;
  };
  return { now: () => Date.now() + offset, setOffset: adjustableClock ? setOffset : undefined };
}
