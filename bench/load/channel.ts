import type { Wire } from '../config/wire.ts';
import { type LatencyHistogram, recordUs } from '../stats/histogram.ts';
import { type BuiltRequest, buildRequests, type Slot, tellReplied } from './built-request.ts';
import { type Connection, openConnection } from './connection.ts';
import { isAgain, type KnownReplies } from './known-reply.ts';
import type { ConnectionPlan, LiveRequest } from './live-request.ts';
import { createReplyParser } from './reply-parser.ts';
import { requestBytes } from './scenarios.ts';
import { countReply, countSent, type Tally } from './tally.ts';

/** State and events shared by all channels of a loop. */
export interface Traffic {
  /** Within a slice: a lost connection is then replaced at once. */
  isRunning: boolean;
  /** Requests that were written and have not ended. */
  inFlight: number;
  /** When a request was last written, and when one last ended in any way; `performance.now()`. */
  lastSendMs: number;
  lastEndMs: number;
  timeoutMs: number;
  /** How connections are made. */
  wire: Wire;
  /** Whether a GET or HEAD is sent again that met a connection which the server closed for being idle. */
  resends: boolean;
  /** The times of all replies, for a caller that resets it: response times in an open loop, else service times. */
  recent: LatencyHistogram | undefined;
  replies: KnownReplies;
  onFailure: (request: LiveRequest, status: number, body: string) => void;
  /** The channel can send, unless its list is used up. */
  onFree: (channel: Channel, nowMs: number) => void;
  /** The channel's connection is lost or, with `isRefused`, could not be made. */
  onBlocked: (channel: Channel, isRefused: boolean) => void;
}

/** One connection and the list that it sends, one request at a time. */
export interface Channel {
  /** Whether a request can be sent now. */
  readonly isFree: boolean;
  /** When it last became free. */
  readonly freeSinceMs: number;
  /** The tally of the next request in the list; `undefined` when the list is used up. */
  readonly nextSlot: Slot | undefined;
  plan(plan: ConnectionPlan, slotOf: (request: LiveRequest) => Slot): void;
  /**
   * Sends the next request of the list. In an open loop `dueMs` is when it was due; otherwise absent. False when it
   * cannot.
   */
  send(dueMs?: number): boolean;
  /** Connects if necessary. Rejects when that fails. */
  open(): Promise<void>;
  /** Within a slice: retries to connect until the channel is free. */
  renew(): void;
  /** Ends a request that has been in flight for too long. */
  sweep(nowMs: number): void;
  close(): void;
}

/** A request in flight is counted in the tally that was current when it was sent. */
interface SentRequest {
  request: BuiltRequest;
  tally: Tally;
}

/** Pause before another attempt at a server that refuses connections. */
const RECONNECT_PAUSE_MS = 50;
/** A connection that has not been used for so long since it was opened was idle, too. */
const UNUSED_MS = 100;
const OK = 200;

export function createChannel(server: URL, traffic: Traffic): Channel {
  const { wire } = traffic;
  const authority = wire.host ?? server.host;
  const parser = createReplyParser();
  let connection: Connection | undefined;
  let isOpen = false;
  /** It has replied before. */
  let isReused = false;
  let openedMs = 0;
  let retry: NodeJS.Timeout | undefined;
  let list: readonly BuiltRequest[] = [];
  let isSentOnce = false;
  let position = 0;
  let current: SentRequest | undefined;
  let sentMs = 0;
  let dueMs: number | undefined;
  let freeSinceMs = 0;

  function onBytes(bytes: Buffer, count: number): void {
    // Unsolicited bytes, as some servers send before they close, belong to no request.
    if (current === undefined) discard();
    else if (parser.isAtStart && isAgain(current.request.known, count)) repeat(current, count);
    else if (takeReply(current, bytes, count)) finish(current, count);
  }

  /** Whether the reply is complete. A malformed one ends the connection, and the request with it. */
  function takeReply({ request }: SentRequest, bytes: Buffer, count: number): boolean {
    try {
      return parser.take(bytes, count);
    } catch (error) {
      traffic.onFailure(request.planned, 0, (error as Error).message);
      lose('connErrors');
      return false;
    }
  }

  function onEnd(): void {
    if (current !== undefined && parser.end()) finish(current, 0);
  }

  /** The reply that this request had before, which was right. */
  function repeat(sent: SentRequest, count: number): void {
    const nowMs = performance.now();
    countTimed(sent, OK, true, count, nowMs);
    settle(nowMs);
    isReused = true;
    free(nowMs);
  }

  /** `count` is the size of the last piece. */
  function finish(sent: SentRequest, count: number): void {
    const nowMs = performance.now();
    const { request } = sent;
    const { planned } = request;
    const { status, hasExcess } = parser;
    const body = parser.body();
    // With surplus bytes it is unclear whose reply this is.
    const isRight = !hasExcess && planned.check(status, body, parser.headers);
    countTimed(sent, status, isRight, parser.bytes, nowMs);
    if (isRight) tellReplied(request, parser.headers, authority);
    else traffic.onFailure(planned, status, hasExcess ? `${body} and bytes beyond it` : body);
    const isUsable = parser.isPersistent && !hasExcess;
    // In one piece it is in the memory that it was read into.
    if (isRight && isUsable && planned.isPure === true && status === OK && count === parser.bytes)
      request.known = traffic.replies.remember(count, request.known);
    settle(nowMs);
    isReused = true;
    if (isUsable) free(nowMs);
    else discard();
  }

  function countTimed(
    { tally }: SentRequest,
    status: number,
    isRight: boolean,
    bytes: number,
    nowMs: number,
  ): void {
    countReply(tally, status, isRight, (nowMs - sentMs) * 1000, bytes);
    if (dueMs !== undefined && tally.response !== undefined) recordUs(tally.response, (nowMs - dueMs) * 1000);
    if (traffic.recent !== undefined) recordUs(traffic.recent, (nowMs - (dueMs ?? sentMs)) * 1000);
  }

  function settle(nowMs: number): void {
    current = undefined;
    parser.reset();
    traffic.inFlight -= 1;
    traffic.lastEndMs = nowMs;
  }

  function free(nowMs: number): void {
    freeSinceMs = nowMs;
    traffic.onFree(channel, nowMs);
  }

  /** Ends the request that is in flight on the connection. */
  function lose(kind: 'connErrors' | 'timeouts'): void {
    if (current !== undefined) {
      current.tally[kind] += 1;
      settle(performance.now());
    }
    discard();
  }

  /** A connection that was idle may have been closed for that while the request was on its way. */
  function onLost(): void {
    const wasIdle = parser.isAtStart && (isReused || sentMs - openedMs >= UNUSED_MS);
    if (wasIdle && current !== undefined && traffic.resends && isSafe(current.request.planned)) {
      resend(current);
      return;
    }
    if (wasIdle && current !== undefined) current.tally.closedIdle += 1;
    lose('connErrors');
  }

  /** On a new connection, while its time goes on. That one has not been idle: a second loss is one. */
  function resend(sent: SentRequest): void {
    sent.tally.resent += 1;
    drop();
    open().then(
      () => {
        if (current === sent) connection?.write(sent.request.bytes);
      },
      () => {
        if (current === sent) lose('connErrors');
      },
    );
  }

  function drop(): void {
    connection?.close();
    connection = undefined;
    isOpen = false;
  }

  /** Drops the connection. Within a slice another one is made. */
  function discard(): void {
    drop();
    if (traffic.isRunning) renew();
    traffic.onBlocked(channel, false);
  }

  function renew(): void {
    if (isOpen || position >= list.length) return;
    open().then(
      () => {
        if (traffic.isRunning) free(performance.now());
      },
      () => {
        if (!traffic.isRunning) return;
        retry = setTimeout(renew, RECONNECT_PAUSE_MS);
        traffic.onBlocked(channel, true);
      },
    );
  }

  async function open(): Promise<void> {
    clearTimeout(retry);
    if (connection === undefined) {
      connection = openConnection(server, traffic.timeoutMs, { onBytes, onEnd, onLost }, wire);
      isReused = false;
      openedMs = performance.now();
    }
    const own = connection;
    try {
      await own.opened;
      isOpen = connection === own;
    } catch (error) {
      if (connection === own) connection = undefined;
      throw error;
    }
  }

  const channel: Channel = {
    get isFree() {
      return isOpen && current === undefined && position < list.length;
    },
    get freeSinceMs() {
      return freeSinceMs;
    },
    get nextSlot() {
      return list[position]?.slot;
    },
    plan(plan, slotOf) {
      list = buildRequests(plan.requests, authority, slotOf);
      isSentOnce = plan.isSentOnce ?? false;
      position = 0;
    },
    send(due) {
      const request = list[position];
      if (request === undefined || !isOpen || current !== undefined) return false;
      position += 1;
      if (position === list.length && !isSentOnce) position = 0;
      const { planned, slot } = request;
      planned.onSend?.();
      if (planned.renew !== undefined) request.bytes = requestBytes(planned, planned.renew(), authority);
      if (planned.bytes !== undefined) request.bytes = planned.bytes();
      parser.expect(planned.method === 'HEAD');
      countSent(slot.tally, request.bytes.length);
      current = { request, tally: slot.tally };
      dueMs = due;
      traffic.inFlight += 1;
      sentMs = performance.now();
      traffic.lastSendMs = sentMs;
      connection?.write(request.bytes);
      return true;
    },
    open,
    renew,
    sweep(nowMs) {
      if (current === undefined || nowMs - sentMs < traffic.timeoutMs) return;
      const missing = `${traffic.timeoutMs / 1000} s passed without ${parser.missing}`;
      traffic.onFailure(current.request.planned, 0, missing);
      lose('timeouts');
    },
    close() {
      clearTimeout(retry);
      drop();
    },
  };
  return channel;
}

/** To send it twice changes nothing (RFC 9110 §9.2.1). */
const isSafe = ({ method }: LiveRequest): boolean => method === 'GET' || method === 'HEAD';
