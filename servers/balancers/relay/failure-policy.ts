/** How to handle a request that its server failed. */

import type { ReplyFailure } from './upstream-connection.ts';

/**
 * `elsewhere`: any live server. `replay`: once more, on a new connection. A number: that status. `cut`: no more bytes.
 */
export type Remedy = 'elsewhere' | 'replay' | 'cut' | 502 | 503;

export interface FailedExchange {
  reason: ReplyFailure;
  /** A part of the final reply has reached the client. */
  isReplyBegun: boolean;
  /** Bytes of a reply have arrived from the server, even if none were passed on. */
  hasReplyBytes: boolean;
  /** The connection had served a request before, and may have been closed before this one arrived. */
  isReused: boolean;
  /** GET or HEAD, sent completely, and not replayed before. */
  isReplayable: boolean;
}

/**
 * Resends a request only when the server cannot have acted on it, or when acting twice is safe (RFC 9110 §9.2.2, RFC
 * 9112 §9.3.1).
 */
export function remedyFor(failed: FailedExchange): Remedy {
  if (failed.isReplyBegun) return 'cut';
  if (failed.reason === 'unreachable') return 'elsewhere';
  if (failed.reason === 'exhausted') return 503;
  const isStale = failed.reason === 'closed' && failed.isReused && !failed.hasReplyBytes;
  return isStale && failed.isReplayable ? 'replay' : 502;
}
