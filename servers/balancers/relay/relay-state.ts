/** State shared by the client connections of one relay. */

import type { RelayTimeouts } from './plan.ts';
import type { UpstreamPool } from './upstream-pool.ts';

/** A client connection, as the relay sees it. */
export interface Client {
  /** Closes it after its current exchange. */
  drain(): void;
  destroy(): void;
  /** Closes it when a time limit has passed. */
  sweep(nowMs: number): void;
}

export interface RelayState {
  readonly pool: UpstreamPool;
  readonly clients: Set<Client>;
  readonly timeouts: RelayTimeouts;
  readonly isSticky: boolean;
  /** No connection outlives its current exchange. */
  isDraining: boolean;
  /** A coarse clock, set at every sweep: requests neither read the time nor start timers. */
  nowMs: number;
}
