/** One client's TCP connection: its requests in order, each replied to before the next begins. */

import type { Socket } from 'node:net';
import { AFFINITY_COOKIE } from '../../protocol.ts';
import { BodyScanner } from './body-scanner.ts';
import { remedyFor } from './failure-policy.ts';
import { cutNamedFields, MessageHead, NEED_MORE } from './head-fields.ts';
import { cookieValue, rewrittenMessage } from './head-rewrite.ts';
import { HEAD_LIMIT_BYTES, parseRequestHead } from './message-head.ts';
import { refusal } from './refusal.ts';
import type { RelayState } from './relay-state.ts';
import type { ReplyFailure, ReplySink, UpstreamConnection } from './upstream-connection.ts';

/** A client that pipelines more than this is not read until its turn. */
const PIPELINE_LIMIT_BYTES = 65_536;

const CLOSE = 'Connection: close\r\n';
const KEEP_ALIVE = 'Connection: keep-alive\r\n';

export class ClientConnection implements ReplySink {
  isHeadRequest = false;
  isRequestDone = true;
  private readonly socket: Socket;
  private readonly relay: RelayState;
  private readonly head = new MessageHead();
  private readonly body = new BodyScanner();
  /** Bytes read but not yet used: a part of a head, or requests that wait for their turn. */
  private rest: Buffer | undefined;
  private upstream: UpstreamConnection | undefined;
  /** What was sent of the current request in one piece; all of it when `isRequestDone` was true then. */
  private request: Buffer | undefined;
  private isWhole = false;
  private isReplayed = false;
  private isReplyBegun = false;
  private isKeptAlive = true;
  /** Value of the affinity cookie in the request; `undefined` for none. */
  private affinity: string | undefined;
  /** Value of the affinity cookie that the reply sets; '' for none. */
  private newAffinity = '';
  /** The client has sent FIN; it may still read. */
  private isEnded = false;
  /** The last bytes have been written; further bytes of the client are discarded. */
  private isClosing = false;
  private activeMs: number;

  constructor(socket: Socket, relay: RelayState) {
    this.socket = socket;
    this.relay = relay;
    this.activeMs = relay.nowMs;
    socket.on('data', (chunk: Buffer) => this.onBytes(chunk));
    socket.on('drain', () => {
      this.activeMs = this.relay.nowMs;
      this.upstream?.resume();
    });
    socket.on('end', () => this.onEnd());
    // A reset is followed by 'close', whose handler cleans up.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.onClose());
  }

  // ---- From the client

  private onBytes(chunk: Buffer): void {
    if (this.isClosing) return;
    const bytes = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk]);
    this.rest = undefined;
    this.consume(bytes);
  }

  private consume(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.isClosing) {
      if (!this.isRequestDone) at = this.relayBody(chunk, at);
      else if (this.upstream === undefined) at = this.beginRequest(chunk, at);
      else at = this.keep(chunk, at);
    }
  }

  private keep(chunk: Buffer, at: number): number {
    this.rest = at === 0 ? chunk : chunk.subarray(at);
    if (this.upstream !== undefined && this.rest.length > PIPELINE_LIMIT_BYTES) this.socket.pause();
    return chunk.length;
  }

  /** Returns the offset after the bytes that it used. */
  private beginRequest(chunk: Buffer, start: number): number {
    // RFC 9112 §2.2: an empty line before a request is skipped.
    const at = chunk[start] === 13 && chunk[start + 1] === 10 ? start + 2 : start;
    if (at === chunk.length || (chunk[at] === 13 && at + 1 === chunk.length)) return this.keep(chunk, start);
    const { head } = this;
    this.activeMs = this.relay.nowMs;
    const headEnd = parseRequestHead(chunk, at, chunk.length, head);
    if (headEnd === NEED_MORE) {
      return chunk.length - at > HEAD_LIMIT_BYTES ? this.refuse(431) : this.keep(chunk, at);
    }
    if (headEnd < 0) return this.refuse(-headEnd);
    if (headEnd - at > HEAD_LIMIT_BYTES) return this.refuse(431);
    if (head.namesFields && !cutNamedFields(chunk, at, headEnd, head)) return this.refuse(400);
    if (head.chunked) this.body.beginChunked();
    else this.body.beginLength(Math.max(0, head.contentLength));
    const bodyEnd = this.body.scan(chunk, headEnd, chunk.length);
    if (bodyEnd < 0) return this.refuse(400);
    this.isHeadRequest = head.isHead;
    this.isKeptAlive = head.persists && !this.relay.isDraining;
    this.isRequestDone = this.body.done;
    this.isWhole = this.body.done;
    this.isReplayed = false;
    this.request =
      head.cutCount > 0 ? rewrittenMessage(chunk, at, headEnd, bodyEnd, head, '') : part(chunk, at, bodyEnd);
    this.affinity = this.relay.isSticky ? cookieValue(chunk, head, AFFINITY_COOKIE) : undefined;
    this.dispatch(this.affinity, false);
    return bodyEnd;
  }

  private relayBody(chunk: Buffer, at: number): number {
    const bodyEnd = this.body.scan(chunk, at, chunk.length);
    if (bodyEnd < 0) return this.refuse(400);
    this.activeMs = this.relay.nowMs;
    this.isRequestDone = this.body.done;
    if (this.upstream?.send(part(chunk, at, bodyEnd)) === false) this.socket.pause();
    return bodyEnd;
  }

  private onEnd(): void {
    this.isEnded = true;
    // If its request is complete, the client may only have closed its own half.
    if (this.upstream === undefined) this.close();
    else if (!this.isRequestDone) this.socket.destroy();
  }

  private onClose(): void {
    this.relay.clients.delete(this);
    this.isClosing = true;
    this.upstream?.drop();
    this.upstream = undefined;
  }

  // ---- To the server

  /** Sends the current request to the server of that id if it is alive, else to the next one in turn. */
  private dispatch(preferredId: string | undefined, isFresh: boolean): void {
    const { pool, isSticky } = this.relay;
    let index = preferredId === undefined ? -1 : pool.live(preferredId);
    if (index < 0) index = pool.next();
    if (index < 0) {
      this.refuse(503);
      return;
    }
    this.newAffinity = isSticky && pool.id(index) !== this.affinity ? pool.id(index) : '';
    const upstream = pool.acquire(index, isFresh);
    this.upstream = upstream;
    const isSendable = upstream.begin(this, this.request as Buffer);
    // Until the connection is up, all that was sent must be kept, to be sent to another server if necessary.
    if (!this.isRequestDone && !(isSendable && upstream.isConnected)) this.socket.pause();
  }

  get takesChunked(): boolean {
    return this.head.minor === 1;
  }

  onConnected(): void {
    if (this.upstream?.isSendable === true) this.socket.resume();
  }

  onSendable(): void {
    this.socket.resume();
  }

  // ---- The reply

  onInterim(bytes: Buffer): void {
    this.activeMs = this.relay.nowMs;
    // HTTP/1.0 knows no interim replies (RFC 9110 §15.2).
    if (this.head.minor === 1) this.socket.write(bytes);
  }

  replyHeaders(isDelimited: boolean): string {
    // A reply that overtakes its request leaves bytes behind that the relay cannot wait for.
    if (!isDelimited || !this.isRequestDone || this.relay.isDraining) this.isKeptAlive = false;
    const connection = this.isKeptAlive ? (this.head.minor === 1 ? '' : KEEP_ALIVE) : CLOSE;
    if (this.newAffinity === '') return connection;
    return `${connection}Set-Cookie: ${AFFINITY_COOKIE}=${this.newAffinity}; Path=/; HttpOnly\r\n`;
  }

  onReply(bytes: Buffer): boolean {
    this.activeMs = this.relay.nowMs;
    this.isReplyBegun = true;
    return this.socket.write(bytes);
  }

  onReplyEnd(): void {
    this.upstream = undefined;
    this.request = undefined;
    this.isReplyBegun = false;
    this.isHeadRequest = false;
    if (!this.isKeptAlive || !this.isRequestDone) {
      this.close();
      return;
    }
    if (this.socket.isPaused()) this.socket.resume();
    const { rest } = this;
    if (rest !== undefined) {
      this.rest = undefined;
      this.consume(rest);
    }
    if (this.upstream === undefined && (this.isEnded || this.relay.isDraining)) this.close();
  }

  onReplyFailure(reason: ReplyFailure): void {
    const upstream = this.upstream as UpstreamConnection;
    const { pool } = this.relay;
    this.upstream = undefined;
    if (reason === 'unreachable') pool.markDead(upstream.serverIndex);
    else if (reason === 'closed') pool.suspect(upstream.serverIndex);
    const remedy = remedyFor({
      reason,
      isReplyBegun: this.isReplyBegun,
      hasReplyBytes: upstream.hasReplyBytes,
      isReused: upstream.isReused,
      isReplayable: this.isWhole && !this.isReplayed && (this.head.isGet || this.head.isHead),
    });
    if (remedy === 'cut') this.socket.resetAndDestroy();
    else if (typeof remedy === 'number') this.refuse(remedy);
    else {
      this.isReplayed ||= remedy === 'replay';
      this.dispatch(this.affinity, true);
    }
  }

  // ---- Time and closing

  /** Called periodically with the current time. */
  sweep(nowMs: number): void {
    const { timeouts } = this.relay;
    const idleMs = nowMs - this.activeMs;
    if (this.isClosing) {
      if (idleMs > (this.socket.writableFinished ? timeouts.lingerMs : timeouts.clientMs))
        this.socket.destroy();
    } else if (this.upstream === undefined) {
      if (this.rest !== undefined && idleMs > timeouts.clientMs) this.refuse(408);
      else if (idleMs > timeouts.keepAliveMs) this.close();
    } else if (!this.isRequestDone || this.socket.writableNeedDrain) {
      if (idleMs > timeouts.clientMs) this.socket.destroy();
    } else if (idleMs > timeouts.serverMs) {
      if (this.isReplyBegun) this.socket.resetAndDestroy();
      else this.refuse(504);
    }
  }

  /** Closes now if no reply is pending, else after it. */
  drain(): void {
    if (this.upstream === undefined) this.close();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Sends an error of the relay and closes. Returns an offset beyond any chunk. */
  private refuse(status: number): number {
    this.upstream?.drop();
    this.upstream = undefined;
    if (!this.isReplyBegun) this.socket.write(refusal(status, this.isHeadRequest));
    this.close();
    if (this.isReplyBegun) this.socket.resetAndDestroy();
    return Number.POSITIVE_INFINITY;
  }

  /** Flushes, sends FIN, and waits briefly for the client to do the same (RFC 9112 §9.6). */
  private close(): void {
    this.isClosing = true;
    this.rest = undefined;
    this.activeMs = this.relay.nowMs;
    this.socket.end();
    this.socket.resume();
  }
}

function part(chunk: Buffer, start: number, end: number): Buffer {
  return start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end);
}
