/** How the body of a reply ends (RFC 9112 §6.3). */
export type Framing = 'length' | 'chunked' | 'none' | 'close';

/** The parts of a reply's head that determine its end. One object is reused for all replies. */
export interface ReplyHead {
  status: number;
  /** Index after the empty line. */
  end: number;
  framing: Framing;
  /** Length of the body; only with that framing. */
  length: number;
  /** Whether another request may be sent on this connection. */
  isPersistent: boolean;
  /** Set by the caller: the reply to HEAD has no body, whatever its headers say (RFC 9110 §9.3.2). */
  answersHead: boolean;
}

export const emptyHead = (): ReplyHead => ({
  status: 0,
  end: 0,
  framing: 'none',
  length: 0,
  isPersistent: true,
  answersHead: false,
});

/** Longer heads are refused. */
const MAX_HEAD_BYTES = 65_536;

const [LF, CR, SPACE, COLON] = [10, 13, 32, 58];
const LETTER_C = 0x63;
const LETTER_T = 0x74;
const START = Buffer.from('HTTP/1.');

/**
 * Parses the head at `from` in the first `until` bytes, into `head`. False while it is incomplete. Only the few
 * relevant lines are converted to text: this is the hot path.
 * @throws Error when it is not a head of HTTP/1.
 */
export function readHead(bytes: Buffer, from: number, until: number, head: ReplyHead): boolean {
  let lineStart = readStatus(bytes, from, until, head);
  if (lineStart < 0) return false;
  let isChunked = false;
  let length = -1;
  for (;;) {
    let lineEnd = lineStart;
    while (lineEnd < until && bytes[lineEnd] !== LF) lineEnd += 1;
    if (lineEnd >= until) return tooLong(until - from);
    const textEnd = bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    if (textEnd <= lineStart) {
      tooLong(lineEnd + 1 - from);
      frame(head, lineEnd + 1, isChunked, length);
      return true;
    }
    const first = (bytes[lineStart] as number) | 0x20;
    if (first === LETTER_C) {
      const colon = lineStart + 14;
      if (bytes[colon] === COLON && nameIs(bytes, lineStart, 'content-length')) {
        const value = lengthIn(bytes, colon + 1, textEnd);
        if (length >= 0 && value !== length) throw new Error('two different content-lengths');
        length = value;
      } else if (nameIs(bytes, lineStart, 'connection:')) {
        const text = bytes.toString('latin1', lineStart + 11, textEnd).toLowerCase();
        if (text.includes('close')) head.isPersistent = false;
        else if (text.includes('keep-alive')) head.isPersistent = true;
      }
    } else if (first === LETTER_T && nameIs(bytes, lineStart, 'transfer-encoding:')) {
      const coding = bytes
        .toString('latin1', lineStart + 18, textEnd)
        .trim()
        .toLowerCase();
      if (coding !== 'chunked') throw new Error(`transfer-encoding ${coding}`);
      isChunked = true;
    }
    lineStart = lineEnd + 1;
  }
}

/** Parses the status line; returns the index of the next line, -1 while the line is incomplete. */
function readStatus(bytes: Buffer, from: number, until: number, head: ReplyHead): number {
  for (let index = 0; index < START.length && from + index < until; index += 1) {
    if (bytes[from + index] !== START[index]) throw new Error('what does not begin with HTTP/1.');
  }
  let lineEnd = from + 12;
  while (lineEnd < until && bytes[lineEnd] !== LF) lineEnd += 1;
  if (lineEnd >= until) {
    tooLong(until - from);
    return -1;
  }
  const status = digit(bytes, from + 9, 100) + digit(bytes, from + 10, 10) + digit(bytes, from + 11, 1);
  if (bytes[from + 8] !== SPACE || !(status >= 100)) throw new Error('a status line without a status');
  head.status = status;
  // Before 1.1 a connection ends with its reply, unless a header keeps it open.
  head.isPersistent = bytes[from + 7] !== 0x30;
  return lineEnd + 1;
}

function frame(head: ReplyHead, end: number, isChunked: boolean, length: number): void {
  const { status } = head;
  head.end = end;
  head.length = 0;
  if (head.answersHead || status < 200 || status === 204 || status === 304) head.framing = 'none';
  else if (isChunked) head.framing = 'chunked';
  else if (length >= 0) {
    head.framing = 'length';
    head.length = length;
  } else {
    head.framing = 'close';
    head.isPersistent = false;
  }
}

/** Whether the bytes at `at` are these lower-case letters, in any case. */
function nameIs(bytes: Buffer, at: number, name: string): boolean {
  for (let index = 0; index < name.length; index += 1) {
    if (((bytes[at + index] as number) | 0x20) !== (name.charCodeAt(index) | 0x20)) return false;
  }
  return true;
}

function lengthIn(bytes: Buffer, from: number, until: number): number {
  let value = -1;
  for (let index = from; index < until; index += 1) {
    const byte = bytes[index] as number;
    if (byte >= 0x30 && byte <= 0x39) value = Math.max(value, 0) * 10 + byte - 0x30;
    else if (byte !== SPACE && byte !== 9) throw new Error('a content-length that is not a number');
  }
  if (!Number.isSafeInteger(value) || value < 0) throw new Error('a content-length that is not a number');
  return value;
}

/** NaN for what is not a digit. */
function digit(bytes: Buffer, at: number, weight: number): number {
  const value = (bytes[at] as number) - 0x30;
  return value >= 0 && value <= 9 ? value * weight : Number.NaN;
}

function tooLong(bytes: number): false {
  if (bytes > MAX_HEAD_BYTES) throw new Error(`a head of more than ${MAX_HEAD_BYTES} bytes`);
  return false;
}

/** The headers between these indices; names and values alternate. */
export function rawHeaders(bytes: Buffer, from: number, until: number): string[] {
  const raw: string[] = [];
  for (const line of bytes.toString('latin1', from, until).split(/\r?\n/).slice(1)) {
    const colon = line.indexOf(':');
    if (colon > 0) raw.push(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return raw;
}
