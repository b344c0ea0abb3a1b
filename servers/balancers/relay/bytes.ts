/** Bytes of HTTP/1 heads: their names, their classes, and comparisons that allocate no strings. */

export const TAB = 9;
export const LF = 10;
export const CR = 13;
export const SPACE = 32;
export const COMMA = 44;
export const SLASH = 47;
export const COLON = 58;
export const DELETE = 127;

/** `tchar` of RFC 9110 §5.6.2: 1 for each byte in the class. */
export const TOKEN: Uint8Array = new Uint8Array(256);
for (const c of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  TOKEN[c.charCodeAt(0)] = 1;
}

/** Bytes allowed in a `Host`: host and port (RFC 3986 §3.2.2), except the comma, which forms lists. */
export const HOST: Uint8Array = new Uint8Array(256);
for (const c of "!$%&'()*+-.:;=[]_~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  HOST[c.charCodeAt(0)] = 1;
}

/** Offset of the first byte that is not allowed in a field's value (RFC 9110 §5.5). */
export function skipText(buf: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const c = buf[at] as number;
    if ((c < SPACE && c !== TAB) || c === DELETE) return at;
    at++;
  }
  return at;
}

export function equals(buf: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let n = 0; n < text.length; n++) if (buf[start + n] !== text.charCodeAt(n)) return false;
  return true;
}

/** `text` is lower case. A byte that is 0x20 less matches a letter or dash wrongly only if it is not a token byte. */
export function equalsFold(buf: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let n = 0; n < text.length; n++)
    if (((buf[start + n] as number) | 0x20) !== text.charCodeAt(n)) return false;
  return true;
}

export function skipBlanks(buf: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (buf[at] === SPACE || buf[at] === TAB)) at++;
  return at;
}

export function trimEnd(buf: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && (buf[at - 1] === SPACE || buf[at - 1] === TAB)) at--;
  return at;
}
