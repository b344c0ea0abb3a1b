/** Rewrites heads: removes hop-by-hop lines, adds a line or two. */

import type { MessageHead } from './head-fields.ts';

/**
 * Copies the bytes from `start` to `end` (a head that ends at `headEnd`, and the first part of its body) without the
 * head's cuts, and with `added` (whole lines, or '') as its last fields.
 */
export function rewrittenMessage(
  buf: Buffer,
  start: number,
  headEnd: number,
  end: number,
  head: MessageHead,
  added: string,
): Buffer {
  const out = Buffer.allocUnsafe(end - start + added.length);
  let from = start;
  let to = 0;
  for (let n = 0; n < head.cutCount; n++) {
    to += buf.copy(out, to, from, head.cuts[2 * n]);
    from = head.cuts[2 * n + 1] as number;
  }
  if (added !== '') {
    to += buf.copy(out, to, from, headEnd - 2);
    to += out.write(added, to, 'latin1');
    from = headEnd - 2;
  }
  to += buf.copy(out, to, from, end);
  return out.subarray(0, to);
}

/** The value of cookie `name` in a head; `undefined` when it is absent. */
export function cookieValue(buf: Buffer, head: MessageHead, name: string): string | undefined {
  const prefix = `${name}=`;
  for (let n = 0; n < head.cookieCount; n++) {
    const end = head.cookies[2 * n + 1] as number;
    for (let at = head.cookies[2 * n] as number; at < end; at++) {
      const found = buf.indexOf(prefix, at, 'latin1');
      if (found < 0 || found >= end) break;
      at = found + prefix.length;
      if (!beginsPair(buf, found, head.cookies[2 * n] as number)) continue;
      const stop = buf.indexOf(';', at);
      return buf.toString('latin1', at, stop < 0 || stop > end ? end : stop).trimEnd();
    }
  }
  return undefined;
}

/** RFC 6265 §4.2.1: pairs are separated by `; `; a lone semicolon is accepted too. */
function beginsPair(buf: Buffer, at: number, start: number): boolean {
  return at === start || buf[at - 1] === 0x3b || (buf[at - 1] === 0x20 && buf[at - 2] === 0x3b);
}
