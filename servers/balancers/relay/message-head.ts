/** Parses start lines of HTTP/1 messages, and whole heads (RFC 9112 §3, §4). */

import { CR, DELETE, equals, LF, SLASH, SPACE, skipText, TOKEN } from './bytes.ts';
import { MALFORMED, type MessageHead, NEED_MORE, parseFields } from './head-fields.ts';

/** Limit of a request's head, including line breaks, as in Node. */
export const HEAD_LIMIT_BYTES = 16_384;

/** Replies come from trusted servers, and may carry a few large cookies. */
export const REPLY_HEAD_LIMIT_BYTES = 65_536;

const METHOD_NOT_ALLOWED = -405;
const VERSION_NOT_SUPPORTED = -505;

/**
 * Parses a request head at `start`. Returns the offset after it, {@link NEED_MORE}, or the negative status with which
 * to refuse it. Sources: RFC 9112 §2.2, §3, §5, §6.3; RFC 9110 §7.2.
 */
export function parseRequestHead(buf: Uint8Array, start: number, end: number, head: MessageHead): number {
  head.reset(false);
  let at = start;
  while (at < end && TOKEN[buf[at] as number] === 1) at++;
  if (at === end) return NEED_MORE;
  if (at === start || buf[at] !== SPACE) return MALFORMED;
  head.isGet = equals(buf, start, at, 'GET');
  head.isHead = equals(buf, start, at, 'HEAD');
  // A tunnel has no framing that the relay could follow.
  if (equals(buf, start, at, 'CONNECT')) return METHOD_NOT_ALLOWED;
  const target = ++at;
  while (at < end && (buf[at] as number) > SPACE && (buf[at] as number) < DELETE) at++;
  if (at === end) return NEED_MORE;
  if (at === target || buf[at] !== SPACE) return MALFORMED;
  at++;
  const version = parseVersion(buf, at, end, head);
  if (version <= 0) return version;
  at = version;
  if (at + 1 >= end) return at < end && buf[at] !== CR ? MALFORMED : NEED_MORE;
  if (buf[at] !== CR || buf[at + 1] !== LF) return MALFORMED;
  const done = parseFields(buf, at + 2, end, head);
  if (done <= 0) return done;
  if (buf[target] !== SLASH && !isOtherTarget(buf, start, done)) return MALFORMED;
  return checkRequest(done, head);
}

/**
 * Parses a reply head at `start`. Returns the offset after it, {@link NEED_MORE}, or a negative number when it is
 * malformed (RFC 9112 §4, §6.3).
 */
export function parseResponseHead(buf: Uint8Array, start: number, end: number, head: MessageHead): number {
  head.reset(true);
  let at = parseVersion(buf, start, end, head);
  if (at <= 0) return at;
  // A space, three digits, and a space or the end of the line.
  for (let n = 0; n < 4; n++, at++) {
    if (at === end) return NEED_MORE;
    const c = buf[at] as number;
    if (n === 0 ? c !== SPACE : c < 48 || c > 57) return MALFORMED;
    if (n > 0) head.status = head.status * 10 + c - 48;
  }
  if (at === end) return NEED_MORE;
  if (head.status < 100 || (buf[at] !== SPACE && buf[at] !== CR)) return MALFORMED;
  at = skipText(buf, at, end);
  if (at + 1 >= end) return at < end && buf[at] !== CR ? MALFORMED : NEED_MORE;
  if (buf[at] !== CR || buf[at + 1] !== LF) return MALFORMED;
  const done = parseFields(buf, at + 2, end, head);
  if (done <= 0) return done;
  if (head.chunked && (head.contentLength >= 0 || head.minor === 0)) return MALFORMED;
  return done;
}

/** Returns the offset after `HTTP/1.x`, or the results of the two parsers above. */
function parseVersion(buf: Uint8Array, start: number, end: number, head: MessageHead): number {
  const text = 'HTTP/1.';
  const have = Math.min(end - start, text.length);
  for (let n = 0; n < have; n++) {
    if (buf[start + n] === text.charCodeAt(n)) continue;
    const c = buf[start + n] as number;
    return n === 5 && c >= 48 && c <= 57 ? VERSION_NOT_SUPPORTED : MALFORMED;
  }
  if (end - start <= text.length) return NEED_MORE;
  const minor = (buf[start + text.length] as number) - 48;
  if (minor !== 0 && minor !== 1) return minor > 1 && minor <= 9 ? VERSION_NOT_SUPPORTED : MALFORMED;
  head.minor = minor;
  return start + text.length + 1;
}

/**
 * Whether a target that does not begin with a slash is `*` for OPTIONS, or a URL of exactly the authority that `Host`
 * names: the next parser might use either (RFC 9112 §3.2.2, §3.2.4). The head is complete.
 */
function isOtherTarget(buf: Uint8Array, start: number, end: number): boolean {
  const text = Buffer.from(buf.subarray(start, end)).toString('latin1');
  const [method, target = ''] = text.split(' ', 2);
  if (target === '*') return method === 'OPTIONS';
  const authority = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i.exec(target)?.[1];
  const host = /\r\nhost:[ \t]*([^ \t\r]*)/i.exec(text)?.[1];
  return authority !== undefined && (host === undefined || host.toLowerCase() === authority.toLowerCase());
}

/** Checks that need the whole head: exactly one `Host` in HTTP/1.1, and one framing. */
function checkRequest(done: number, head: MessageHead): number {
  if (head.hosts > 1 || (head.hosts === 0 && head.minor === 1)) return MALFORMED;
  if (head.chunked && (head.contentLength >= 0 || head.minor === 0)) return MALFORMED;
  return done;
}
