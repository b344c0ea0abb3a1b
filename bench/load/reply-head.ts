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

const [LF, CR, TAB, SPACE, COLON, ZERO] = [10, 13, 9, 32, 58, 0x30];
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
  const fields: Fields = { isChunked: false, isClose: false, length: -1 };
  const headersStart = lineStart;
  let isOurs = false;
  for (;;) {
    let lineEnd = lineStart;
    while (lineEnd < until && bytes[lineEnd] !== LF) lineEnd += 1;
    if (lineEnd >= until) return tooLong(until - from);
    const textEnd = bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    if (textEnd <= lineStart) {
      tooLong(lineEnd + 1 - from);
      // Such a reply may be framed wrongly (RFC 9112 §6.1).
      if (fields.isChunked && bytes[from + 7] === ZERO) head.isPersistent = false;
      frame(head, lineEnd + 1, fields);
      return true;
    }
    const first = bytes[lineStart] as number;
    if (first === SPACE || first === TAB) {
      // Of the line before it (RFC 9112 §5.2), which matters only for these headers.
      if (isOurs || lineStart === headersStart) throw new Error('a header line that begins with a blank');
    } else isOurs = readField(bytes, lineStart, textEnd, head, fields);
    lineStart = lineEnd + 1;
  }
}

/** What the headers say of the end of the reply. */
interface Fields {
  isChunked: boolean;
  isClose: boolean;
  /** -1 without one. */
  length: number;
}

/** Parses one line; false when it is not of a header that determines the end of the reply. */
function readField(bytes: Buffer, from: number, until: number, head: ReplyHead, fields: Fields): boolean {
  const first = (bytes[from] as number) | 0x20;
  if (first === LETTER_C) {
    if (isField(bytes, from, until, 'content-length')) {
      const value = lengthIn(bytes, from + 15, until);
      if (fields.length >= 0 && value !== fields.length) throw new Error('two different content-lengths');
      fields.length = value;
      return true;
    }
    if (isField(bytes, from, until, 'connection')) {
      const text = bytes.toString('latin1', from + 11, until).toLowerCase();
      if (/(?:^|[\s,])close(?:$|[\s,])/.test(text)) fields.isClose = true;
      if (fields.isClose) head.isPersistent = false;
      else if (text.includes('keep-alive')) head.isPersistent = true;
      return true;
    }
  } else if (first === LETTER_T && isField(bytes, from, until, 'transfer-encoding')) {
    const coding = bytes
      .toString('latin1', from + 18, until)
      .trim()
      .toLowerCase();
    if (coding !== 'chunked' || fields.isChunked) throw new Error(`transfer-encoding ${coding}`);
    fields.isChunked = true;
    return true;
  }
  return false;
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
  const behind = bytes[from + 12] as number;
  if (behind !== SPACE && behind !== CR && behind !== LF) throw new Error('a status line without a status');
  head.status = status;
  // Before 1.1 a connection ends with its reply, unless a header keeps it open.
  head.isPersistent = bytes[from + 7] !== ZERO;
  return lineEnd + 1;
}

function frame(head: ReplyHead, end: number, { isChunked, length }: Fields): void {
  const { status } = head;
  head.end = end;
  head.length = 0;
  // The bytes after it are of another protocol, which no request asks for.
  if (status === 101) head.isPersistent = false;
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

/**
 * Whether the line is of the header of this name. Whatever else is behind the name, but a letter or sign of a longer one,
 * is an error: a blank before the colon is read by some and skipped by others (RFC 9112 §5.1), who then disagree on where
 * the reply ends.
 */
function isField(bytes: Buffer, from: number, until: number, name: string): boolean {
  if (!nameIs(bytes, from, name)) return false;
  const at = from + name.length;
  if (at < until && bytes[at] === COLON) return true;
  if (at < until && /[\w!#$%&'*+.^`|~-]/.test(String.fromCharCode(bytes[at] as number))) return false;
  throw new Error(`${name} without a colon right behind it`);
}

/** Whether the bytes at `at` are these lower-case letters, in any case. */
function nameIs(bytes: Buffer, at: number, name: string): boolean {
  for (let index = 0; index < name.length; index += 1) {
    if (((bytes[at + index] as number) | 0x20) !== (name.charCodeAt(index) | 0x20)) return false;
  }
  return true;
}

/** Digits between blanks. */
function lengthIn(bytes: Buffer, from: number, until: number): number {
  let [start, end] = [from, until];
  while (start < end && isBlank(bytes[start])) start += 1;
  while (end > start && isBlank(bytes[end - 1])) end -= 1;
  let value = end > start ? 0 : Number.NaN;
  for (let index = start; index < end; index += 1) value = value * 10 + digit(bytes, index, 1);
  if (!Number.isSafeInteger(value)) throw new Error('a content-length that is not a number');
  return value;
}

const isBlank = (byte: number | undefined) => byte === SPACE || byte === TAB;

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
  for (const line of bytes
    .toString('latin1', from, until)
    .replace(/\r?\n[ \t]+(?=[^\r\n])/g, ' ')
    .split(/\r?\n/)
    .slice(1)) {
    const colon = line.indexOf(':');
    if (colon > 0) raw.push(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return raw;
}
