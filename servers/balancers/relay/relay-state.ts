/** What the client connections of one relay share. */

import type { ClientConnection } from './client-connection.ts';
import type { RelayTimeouts } from './plan.ts';
import type { UpstreamPool } from './upstream-pool.ts';

export interface RelayState {
  readonly pool: UpstreamPool;
  readonly clients: Set<ClientConnection>;
  readonly timeouts: RelayTimeouts;
  readonly isSticky: boolean;
  /** No connection outlives its present exchange. */
  isDraining: boolean;
  /** A coarse clock, set at every sweep: no request asks the time or starts a timer. */
  nowMs: number;
}
