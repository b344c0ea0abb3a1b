/** What becomes of a request whose server failed it. */

import type { ReplyFailure } from './upstream-connection.ts';

/** `elsewhere`: to any live server. `replay`: once more, on a new connection. A number: that reply. `cut`: no more bytes. */
export type Remedy = 'elsewhere' | 'replay' | 'cut' | 502 | 503;

export interface FailedExchange {
  reason: ReplyFailure;
  /** A part of the final reply has reached the client. */
  isReplyBegun: boolean;
  /** Bytes of a reply have come from the server, even if none were passed on. */
  hasReplyBytes: boolean;
  /** The connection had served before, and may have been closed before the request arrived. */
  isReused: boolean;
  /** GET or HEAD, sent whole, and not replayed before. */
  isReplayable: boolean;
}

/**
 * Sends a request again only when the server cannot have acted on it, or when it is safe to act twice
 * (RFC 9110 §9.2.2, RFC 9112 §9.3.1).
 */
export function remedyFor(failed: FailedExchange): Remedy {
  if (failed.isReplyBegun) return 'cut';
  if (failed.reason === 'unreachable') return 'elsewhere';
  if (failed.reason === 'exhausted') return 503;
  const isStale = failed.reason === 'closed' && failed.isReused && !failed.hasReplyBytes;
  return isStale && failed.isReplayable ? 'replay' : 502;
}
