/**
 * Header fields of HTTP/1 messages, parsed strictly in one pass over the bytes. Whatever two parsers could read
 * differently (bare line feeds, folded lines, a space before the colon, two lengths) is refused, never repaired:
 * request smuggling exploits that difference (RFC 9112 §11.2).
 */

import { COLON, COMMA, CR, equalsFold, HOST, LF, skipBlanks, skipText, TOKEN, trimEnd } from './bytes.ts';

/** The bytes end before the head does. */
export const NEED_MORE = 0;

/** Refused with 400. */
export const MALFORMED: number = -400;

/** A head with more lines to remove is refused. */
const CUT_LIMIT = 16;
const COOKIE_LIMIT = 8;

/** A length with more digits is refused: 15 are exact in a double. */
const LENGTH_DIGITS_LIMIT = 15;

/** Fields that frame or address the message: `Connection` must not request their removal. */
const NEVER_CUT: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'cookie',
  'set-cookie',
]);
/** Removed whether `Connection` names them or not. */
const ALWAYS_CUT: ReadonlySet<string> = new Set([
  'te',
  'upgrade',
  'keep-alive',
  'connection',
  'proxy-connection',
]);

/** What a relay needs from a head. One object is reused for all messages of a connection. */
export class MessageHead {
  /** Set by the caller. A reply's `Connection` is always removed, a request's only if it says more than keep-alive. */
  isReply = false;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  minor = 1;
  isGet = false;
  isHead = false;
  /** Status of a reply; 0 for a request. */
  status = 0;
  /** -1 when there is none. */
  contentLength = -1;
  chunked = false;
  close = false;
  keepAlive = false;
  hosts = 0;
  /** `Connection` names further fields, which are hop-by-hop. */
  namesFields = false;
  /** Pairs of offsets of whole hop-by-hop lines, ascending. */
  readonly cuts: Int32Array = new Int32Array(2 * CUT_LIMIT);
  cutCount = 0;
  /** Pairs of offsets of `Cookie` values. */
  readonly cookies: Int32Array = new Int32Array(2 * COOKIE_LIMIT);
  cookieCount = 0;

  reset(isReply: boolean): void {
    this.isReply = isReply;
    this.minor = 1;
    this.isGet = false;
    this.isHead = false;
    this.status = 0;
    this.contentLength = -1;
    this.chunked = false;
    this.close = false;
    this.keepAlive = false;
    this.hosts = 0;
    this.namesFields = false;
    this.cutCount = 0;
    this.cookieCount = 0;
  }

  /** RFC 9112 §9.3: whether the sender of this head keeps the connection open. */
  get persists(): boolean {
    return !this.close && (this.minor === 1 || this.keepAlive);
  }
}

/** Reads field lines including the empty one. Returns the offset after it, {@link NEED_MORE} or {@link MALFORMED}. */
export function parseFields(buf: Uint8Array, start: number, end: number, head: MessageHead): number {
  let at = start;
  while (at < end && buf[at] !== CR) {
    const name = at;
    while (at < end && TOKEN[buf[at] as number] === 1) at++;
    if (at === end) return NEED_MORE;
    if (at === name || buf[at] !== COLON) return MALFORMED;
    const colon = at++;
    at = skipText(buf, at, end);
    if (at === end) return NEED_MORE;
    if (buf[at] !== CR) return MALFORMED;
    if (at + 1 === end) return NEED_MORE;
    if (buf[at + 1] !== LF) return MALFORMED;
    if (!noteField(buf, name, colon, at, head)) return MALFORMED;
    at += 2;
  }
  if (at + 1 >= end) return NEED_MORE;
  return buf[at + 1] === LF ? at + 2 : MALFORMED;
}

/** Records what the field means to a relay; `false` when the head must be refused. */
function noteField(
  buf: Uint8Array,
  name: number,
  colon: number,
  valueEnd: number,
  head: MessageHead,
): boolean {
  switch (colon - name) {
    case 2:
      return !equalsFold(buf, name, colon, 'te') || cut(head, name, valueEnd);
    case 4:
      return !equalsFold(buf, name, colon, 'host') || noteHost(buf, colon, valueEnd, head);
    case 6:
      return !equalsFold(buf, name, colon, 'cookie') || noteCookie(buf, colon, valueEnd, head);
    case 7:
      return !equalsFold(buf, name, colon, 'upgrade') || cut(head, name, valueEnd);
    case 10:
      if (equalsFold(buf, name, colon, 'keep-alive')) return cut(head, name, valueEnd);
      if (equalsFold(buf, name, colon, 'connection')) return noteConnection(buf, name, colon, valueEnd, head);
      return true;
    case 14:
      return !equalsFold(buf, name, colon, 'content-length') || noteLength(buf, colon, valueEnd, head);
    case 16:
      return !equalsFold(buf, name, colon, 'proxy-connection') || cut(head, name, valueEnd);
    case 17:
      return !equalsFold(buf, name, colon, 'transfer-encoding') || noteEncoding(buf, colon, valueEnd, head);
    default:
      return true;
  }
}

/**
 * Counted here, checked when the head is complete. An invalid value, or a second Host, is refused at once (RFC 9112
 * §3.2).
 */
function noteHost(buf: Uint8Array, colon: number, valueEnd: number, head: MessageHead): boolean {
  head.hosts++;
  const start = skipBlanks(buf, colon + 1, valueEnd);
  const end = trimEnd(buf, start, valueEnd);
  for (let at = start; at < end; at++) if (HOST[buf[at] as number] === 0) return false;
  return true;
}

function noteCookie(buf: Uint8Array, colon: number, valueEnd: number, head: MessageHead): boolean {
  if (head.cookieCount === COOKIE_LIMIT) return false;
  head.cookies[2 * head.cookieCount] = skipBlanks(buf, colon + 1, valueEnd);
  head.cookies[2 * head.cookieCount + 1] = valueEnd;
  head.cookieCount++;
  return true;
}

function noteLength(buf: Uint8Array, colon: number, valueEnd: number, head: MessageHead): boolean {
  // A repeated length is refused even if it is equal: the next parser might add, choose or list them.
  if (head.contentLength >= 0) return false;
  const start = skipBlanks(buf, colon + 1, valueEnd);
  const end = trimEnd(buf, start, valueEnd);
  if (start === end || end - start > LENGTH_DIGITS_LIMIT) return false;
  let length = 0;
  for (let at = start; at < end; at++) {
    const digit = (buf[at] as number) - 48;
    if (digit < 0 || digit > 9) return false;
    length = length * 10 + digit;
  }
  head.contentLength = length;
  return true;
}

function noteEncoding(buf: Uint8Array, colon: number, valueEnd: number, head: MessageHead): boolean {
  const start = skipBlanks(buf, colon + 1, valueEnd);
  if (head.chunked || !equalsFold(buf, start, trimEnd(buf, start, valueEnd), 'chunked')) return false;
  head.chunked = true;
  return true;
}

function noteConnection(
  buf: Uint8Array,
  name: number,
  colon: number,
  valueEnd: number,
  head: MessageHead,
): boolean {
  let at = skipBlanks(buf, colon + 1, valueEnd);
  const end = trimEnd(buf, at, valueEnd);
  if (equalsFold(buf, at, end, 'keep-alive')) {
    head.keepAlive = true;
    return !head.isReply || cut(head, name, valueEnd);
  }
  while (at < end) {
    let next = at;
    while (next < end && buf[next] !== COMMA) next++;
    const stop = trimEnd(buf, at, next);
    if (equalsFold(buf, at, stop, 'close')) head.close = true;
    else if (equalsFold(buf, at, stop, 'keep-alive')) head.keepAlive = true;
    else if (stop > at) head.namesFields = true;
    at = skipBlanks(buf, next + 1, end);
  }
  return cut(head, name, valueEnd);
}

/** Marks a line, including its line break. Adjacent lines become one cut. */
function cut(head: MessageHead, name: number, valueEnd: number): boolean {
  const last = 2 * head.cutCount - 1;
  if (last > 0 && head.cuts[last] === name) {
    head.cuts[last] = valueEnd + 2;
    return true;
  }
  if (head.cutCount === CUT_LIMIT) return false;
  head.cuts[last + 1] = name;
  head.cuts[last + 2] = valueEnd + 2;
  head.cutCount++;
  return true;
}

/**
 * Also marks the fields that `Connection` names (RFC 9110 §7.6.1), which is rare; `false` when it names one that must
 * not be removed. The head is complete, from `start` to `end`.
 */
export function cutNamedFields(buf: Buffer, start: number, end: number, head: MessageHead): boolean {
  const lines = buf.toString('latin1', start, end - 4).split('\r\n');
  const named = new Set<string>();
  for (const line of lines.slice(1)) {
    const [, value] = /^connection:(.*)$/i.exec(line) ?? [];
    for (const word of value?.split(',') ?? []) named.add(word.trim().toLowerCase());
  }
  head.cutCount = 0;
  let at = start;
  for (const [n, line] of lines.entries()) {
    const name = line.slice(0, line.indexOf(':')).toLowerCase();
    if (n > 0 && (named.has(name) || ALWAYS_CUT.has(name))) {
      if (NEVER_CUT.has(name) || !cut(head, at, at + line.length)) return false;
    }
    at += line.length + 2;
  }
  return true;
}
