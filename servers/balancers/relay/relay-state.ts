/** What the client connections of one relay share. */

import type { RelayTimeouts } from './plan.ts';
import type { UpstreamPool } from './upstream-pool.ts';

/** A connection from a client, as the relay as a whole deals with it. */
export interface Client {
  /** Closes it after its present exchange. */
  drain(): void;
  destroy(): void;
  /** Ends it when a time limit is over. */
  sweep(nowMs: number): void;
}

export interface RelayState {
  readonly pool: UpstreamPool;
  readonly clients: Set<Client>;
  readonly timeouts: RelayTimeouts;
  readonly isSticky: boolean;
  /** No connection outlives its present exchange. */
  isDraining: boolean;
  /** A coarse clock, set at every sweep: no request asks the time or starts a timer. */
  nowMs: number;
}
