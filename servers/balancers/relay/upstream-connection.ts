/** One TCP connection to a server: sends a request's bytes, reads the reply, and reports when it is free again. */

import { BodyScanner } from './body-scanner.ts';
import { cutNamedFields, MessageHead, NEED_MORE } from './head-fields.ts';
import { rewrittenMessage } from './head-rewrite.ts';
import { parseResponseHead, REPLY_HEAD_LIMIT_BYTES } from './message-head.ts';
import { UpstreamSocket } from './upstream-socket.ts';

/** Why no whole reply arrived. `unreachable`: nothing was sent. `exhausted`: the relay lacks a resource. */
export type ReplyFailure = 'unreachable' | 'exhausted' | 'closed' | 'malformed';

/** The exchange that a connection serves: a client that waits for its reply. */
export interface ReplySink {
  /** The request was HEAD: its reply has no body, regardless of its head. */
  readonly isHeadRequest: boolean;
  /** The request has been sent completely. */
  readonly isRequestDone: boolean;
  /** HTTP/1.0 cannot read chunks. */
  readonly takesChunked: boolean;
  /** The connection is up; buffered parts of the request may follow. */
  onConnected(): void;
  /** The server accepts bytes again, after `send` returned `false`. */
  onSendable(): void;
  /** An interim reply (RFC 9110 §15.2), whole. */
  onInterim(bytes: Buffer): void;
  /** Lines to add to the reply's head; `isDelimited`: its end is known without a close. */
  replyHeaders(isDelimited: boolean): string;
  /** Bytes of the final reply; `false` when no more are wanted until `resume`. */
  onReply(bytes: Buffer): boolean;
  onReplyEnd(): void;
  onReplyFailure(reason: ReplyFailure): void;
}

/** Events of a connection for its owner. */
export interface ConnectionOwner {
  onFree(connection: UpstreamConnection): void;
  onGone(connection: UpstreamConnection): void;
}

/** A local shortage of descriptors, ports or memory, which says nothing about the server. */
const OWN_SHORTAGE: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM']);

/** Shared read buffer of all connections: each copies what it keeps before its callback returns. */
const READ_BUFFER: Buffer = Buffer.allocUnsafeSlow(65_536);

export class UpstreamConnection {
  readonly serverIndex: number;
  /** When it was opened or last became free, by the pool's clock. */
  sinceMs: number;
  isConnected = false;
  /** It has carried a reply before: the server may close it at any time, even while a request is sent. */
  isReused = false;
  /** Some bytes of the current reply have arrived. */
  hasReplyBytes = false;
  private readonly socket: UpstreamSocket;
  private readonly owner: ConnectionOwner;
  private readonly head = new MessageHead();
  private readonly body = new BodyScanner();
  private sink: ReplySink | undefined;
  private partial: Buffer | undefined;
  private isInBody = false;
  private failure: ReplyFailure = 'closed';

  constructor(owner: ConnectionOwner, serverIndex: number, host: string, port: number, nowMs: number) {
    this.owner = owner;
    this.serverIndex = serverIndex;
    this.sinceMs = nowMs;
    const onread = {
      buffer: READ_BUFFER,
      callback: (count: number) => {
        this.onBytes(count);
        return true;
      },
    };
    this.socket = new UpstreamSocket(onread, () => this.onWriteFailed());
    this.socket.setNoDelay(true);
    this.socket.on('connect', () => {
      this.isConnected = true;
      this.sink?.onConnected();
    });
    this.socket.on('drain', () => this.sink?.onSendable());
    this.socket.on('end', () => this.onEnd());
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      if (OWN_SHORTAGE.has(error.code ?? '')) this.failure = 'exhausted';
      else if (!this.isConnected) this.failure = 'unreachable';
    });
    this.socket.on('close', () => this.onClose());
    this.socket.connect({ host, port });
  }

  /** Sends a request, or its first part, for a sink that has this connection to itself from now on. */
  begin(sink: ReplySink, bytes: Buffer): boolean {
    this.sink = sink;
    this.hasReplyBytes = false;
    return this.socket.write(bytes);
  }

  /** Bytes for a server that has closed are discarded: its reply may still be on its way. */
  send(bytes: Buffer): boolean {
    return this.socket.isWriteFailed || this.socket.write(bytes);
  }

  get isOpen(): boolean {
    return !this.socket.destroyed;
  }

  get isSendable(): boolean {
    return !this.socket.writableNeedDrain;
  }

  resume(): void {
    this.socket.resume();
  }

  get isBusy(): boolean {
    return this.sink !== undefined;
  }

  /** Gives up a connection attempt. */
  expireConnect(): void {
    this.failure = 'unreachable';
    this.socket.destroy();
  }

  /** Closes at once; the sink is not notified. */
  drop(): void {
    this.sink = undefined;
    this.socket.destroy();
  }

  private onBytes(count: number): void {
    const sink = this.sink;
    // Bytes on an idle connection must not become the reply to the next request.
    if (sink === undefined) {
      this.drop();
      return;
    }
    let buf = READ_BUFFER;
    let end = count;
    this.hasReplyBytes = true;
    if (this.partial !== undefined) {
      buf = Buffer.concat([this.partial, READ_BUFFER.subarray(0, count)]);
      end = buf.length;
      this.partial = undefined;
    }
    let at = 0;
    while (at < end && this.sink === sink) {
      at = this.isInBody ? this.relayBody(sink, buf, at, end) : this.relayHead(sink, buf, at, end);
      if (at < 0) {
        this.fail('malformed');
        return;
      }
      if (this.isInBody && this.body.done) {
        this.finish(sink, at === end);
        return;
      }
    }
  }

  /** Returns the offset up to which it relayed; -1 when the reply is malformed. */
  private relayHead(sink: ReplySink, buf: Buffer, at: number, end: number): number {
    const head = this.head;
    const headEnd = parseResponseHead(buf, at, end, head);
    if (headEnd === NEED_MORE) {
      if (end - at > REPLY_HEAD_LIMIT_BYTES) return -1;
      this.partial = Buffer.from(buf.subarray(at, end));
      return end;
    }
    // 101 replies to an Upgrade, and the relay forwards none.
    if (headEnd < 0 || headEnd - at > REPLY_HEAD_LIMIT_BYTES || head.status === 101) return -1;
    if (head.chunked && !sink.takesChunked) return -1;
    if (head.namesFields && !cutNamedFields(buf, at, headEnd, head)) return -1;
    // The status line becomes HTTP/1.1, the relay's own version, whatever the server speaks.
    buf[at + 7] = 0x31;
    if (head.status < 200) {
      sink.onInterim(rewrittenMessage(buf, at, headEnd, headEnd, head, ''));
      return headEnd;
    }
    this.beginBody(sink);
    const bodyEnd = this.body.scan(buf, headEnd, end);
    if (bodyEnd < 0) return -1;
    this.isInBody = true;
    const added = sink.replyHeaders(this.body.framing !== 'until-close');
    this.forward(sink, rewrittenMessage(buf, at, headEnd, bodyEnd, head, added));
    return bodyEnd;
  }

  /** RFC 9112 §6.3. */
  private beginBody(sink: ReplySink): void {
    const { status, chunked, contentLength } = this.head;
    if (sink.isHeadRequest || status === 204 || status === 304) this.body.beginLength(0);
    else if (chunked) this.body.beginChunked();
    else if (contentLength >= 0) this.body.beginLength(contentLength);
    else this.body.beginUntilClose();
  }

  private relayBody(sink: ReplySink, buf: Buffer, at: number, end: number): number {
    const bodyEnd = this.body.scan(buf, at, end);
    if (bodyEnd > at) this.forward(sink, Buffer.from(buf.subarray(at, bodyEnd)));
    return bodyEnd;
  }

  private forward(sink: ReplySink, bytes: Buffer): void {
    if (!sink.onReply(bytes) && !this.body.done) this.socket.pause();
  }

  /** `isExact`: nothing arrived after the reply. */
  private finish(sink: ReplySink, isExact: boolean): void {
    const isReusable =
      isExact &&
      this.head.persists &&
      this.body.framing !== 'until-close' &&
      sink.isRequestDone &&
      !this.socket.isWriteFailed;
    this.sink = undefined;
    this.isInBody = false;
    this.isReused = true;
    if (isReusable) this.owner.onFree(this);
    else this.socket.destroy();
    sink.onReplyEnd();
  }

  /**
   * The server accepts no more of the request; it may have replied before. Without a sink nothing waits for a reply.
   */
  private onWriteFailed(): boolean {
    this.sink?.onSendable();
    return this.sink !== undefined;
  }

  private onEnd(): void {
    const sink = this.sink;
    if (sink !== undefined && this.isInBody && this.body.framing === 'until-close') this.finish(sink, true);
    else this.socket.destroy();
  }

  private fail(reason: ReplyFailure): void {
    this.failure = reason;
    this.socket.destroy();
  }

  private onClose(): void {
    const sink = this.sink;
    this.sink = undefined;
    this.owner.onGone(this);
    sink?.onReplyFailure(this.failure);
  }
}
