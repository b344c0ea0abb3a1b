import type { PlannedRequest, RawHeaders } from './scenarios.ts';

/** A planned request with what happens around it in mid-run. */
export interface LiveRequest extends PlannedRequest {
  /** Called before each send; answers the headers to send with, for a request whose session changes. */
  renew?: () => Record<string, string>;
  /** Called with each send. */
  onSend?: () => void;
  /** Called with each right reply. */
  onReply?: (headers: RawHeaders) => void;
}

/** What one connection sends, in order. A request may stand in the list more than once. */
export interface ConnectionPlan {
  requests: readonly LiveRequest[];
  /** The list is sent once, and the connection then rests; else it is sent over and over. */
  isSentOnce?: boolean;
}
