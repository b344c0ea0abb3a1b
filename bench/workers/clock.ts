/** How far the clock of another machine is from ours. Pure. */

/** One question about the time, and its reply: our time before and after, and the other's in between; milliseconds. */
export interface Exchange {
  sentMs: number;
  otherMs: number;
  receivedMs: number;
}

/** The other's clock is ahead by `aheadMs`, and that is off by at most `errorMs`: half of the round trip. */
export interface ClockOffset {
  aheadMs: number;
  errorMs: number;
}

/**
 * By the exchange with the shortest round trip, in which least could be delayed (Mills, RFC 5905 §8 and §10); `undefined`
 * without one.
 */
export function offsetOf(exchanges: readonly Exchange[]): ClockOffset | undefined {
  const tripOf = ({ sentMs, receivedMs }: Exchange) => receivedMs - sentMs;
  const best = exchanges.reduce<Exchange | undefined>(
    (least, one) => (least === undefined || tripOf(one) < tripOf(least) ? one : least),
    undefined,
  );
  if (best === undefined) return undefined;
  const errorMs = tripOf(best) / 2;
  return { aheadMs: best.otherMs - (best.sentMs + errorMs), errorMs };
}
