import type { KnownReply } from './known-reply.ts';
import type { LiveRequest } from './live-request.ts';
import { type RawHeaders, requestBytes } from './scenarios.ts';
import type { Tally } from './tally.ts';

/** Holds the tally of one operation, which is replaced when the sum is taken. */
export interface Slot {
  tally: Tally;
}

/** A request of a connection's list as bytes, and where it is counted. */
export interface BuiltRequest {
  planned: LiveRequest;
  slot: Slot;
  bytes: Buffer;
  /** Its last right reply; only where the same bytes are right again. */
  known: KnownReply | undefined;
}

/** Each different request is built once, however often it occurs in the list. */
export function buildRequests(
  requests: readonly LiveRequest[],
  authority: string,
  slotOf: (request: LiveRequest) => Slot,
): BuiltRequest[] {
  const known = new Map<LiveRequest, BuiltRequest>();
  return requests.map((planned) => {
    const built = known.get(planned) ?? {
      planned,
      slot: slotOf(planned),
      bytes: requestBytes(planned, planned.headers, authority),
      known: undefined,
    };
    known.set(planned, built);
    return built;
  });
}

/** Passes the headers of a correct reply on. Its next sends have those that the plan returns, if any. */
export function tellReplied(request: BuiltRequest, replied: RawHeaders, authority: string): void {
  const { planned } = request;
  planned.onReply?.(replied);
  const headers = planned.takeUp?.(replied);
  if (headers !== undefined) request.bytes = requestBytes(planned, headers, authority);
}
