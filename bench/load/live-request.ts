import type { PlannedRequest, RawHeaders } from './scenarios.ts';

/** A planned request with callbacks during the run. */
export interface LiveRequest extends PlannedRequest {
  /** Called before each send; returns the headers to send with, for a request whose session changes. */
  renew?: () => Record<string, string>;
  /** Called before each send; returns all its bytes, for a request that is not built from its fields. */
  bytes?: () => Buffer;
  /** Called with each send. */
  onSend?: () => void;
  /** Called with each correct reply. */
  onReply?: (headers: RawHeaders) => void;
  /** Called with each correct reply but one that is the same as before; the headers of its next sends, if they change. */
  takeUp?: (headers: RawHeaders) => Record<string, string> | undefined;
}

/** What one connection sends, in order. A request may occur in the list more than once. */
export interface ConnectionPlan {
  requests: readonly LiveRequest[];
  /** The list is sent once, and the connection then rests; otherwise it is repeated. */
  isSentOnce?: boolean;
}
