/** Finds the end of a message's body while it streams through (RFC 9112 §6.3, §7.1). Nothing is decoded or copied. */

import { COLON, CR, DELETE, LF, SPACE, TAB, TOKEN } from './bytes.ts';

/** Limit of a chunk's extension, and of all trailers together. */
export const EXTENSION_LIMIT_BYTES = 256;
export const TRAILER_LIMIT_BYTES = 8_192;

/** A chunk may be 2^52 bytes long: 13 hexadecimal digits. */
const SIZE_DIGITS_LIMIT = 13;

const SEMICOLON = 59;

/**
 * Fields that frame, address or authenticate a message must not follow it (RFC 9110 §6.5.1): a parser that adds
 * trailers to the head would see another message than the relay did.
 */
const NO_TRAILERS: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'connection',
  'keep-alive',
  'te',
  'upgrade',
  'expect',
  'cookie',
  'set-cookie',
  'authorization',
]);

// States of a chunked body, in order.
const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const TRAILER = 6;
const TRAILER_NAME = 7;
const TRAILER_VALUE = 8;
const TRAILER_LF = 9;
const LAST_LF = 10;

type Framing = 'length' | 'chunked' | 'until-close';

export class BodyScanner {
  done = true;
  framing: Framing = 'length';
  /** Remaining bytes of the body or of the current chunk. */
  private remaining = 0;
  private state = SIZE;
  private digits = 0;
  private extraBytes = 0;
  private trailerName = '';

  beginLength(bytes: number): void {
    this.framing = 'length';
    this.remaining = bytes;
    this.done = bytes === 0;
  }

  beginChunked(): void {
    this.framing = 'chunked';
    this.remaining = 0;
    this.state = SIZE;
    this.digits = 0;
    this.done = false;
  }

  beginUntilClose(): void {
    this.framing = 'until-close';
    this.done = false;
  }

  /** Returns the offset after this body's part of the bytes, or -1 when it is malformed. */
  scan(buf: Uint8Array, start: number, end: number): number {
    if (this.done) return start;
    if (this.framing === 'length') {
      const taken = Math.min(this.remaining, end - start);
      this.remaining -= taken;
      this.done = this.remaining === 0;
      return start + taken;
    }
    return this.framing === 'chunked' ? this.scanChunks(buf, start, end) : end;
  }

  private scanChunks(buf: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && !this.done) {
      if (this.state === DATA) {
        const taken = Math.min(this.remaining, end - at);
        this.remaining -= taken;
        at += taken;
        if (this.remaining === 0) this.state = DATA_CR;
      } else {
        if (!this.step(buf[at] as number)) return -1;
        at++;
      }
    }
    return at;
  }

  /** Consumes one byte that is not chunk data; `false` when it is not allowed there. */
  private step(c: number): boolean {
    switch (this.state) {
      case SIZE:
        return this.stepSize(c);
      case EXTENSION:
        if (c === CR) return this.enter(SIZE_LF);
        return isText(c) && ++this.extraBytes <= EXTENSION_LIMIT_BYTES;
      case SIZE_LF:
        this.extraBytes = 0;
        return c === LF && this.enter(this.remaining === 0 ? TRAILER : DATA);
      case DATA_CR:
        return c === CR && this.enter(DATA_LF);
      case DATA_LF:
        this.digits = 0;
        return c === LF && this.enter(SIZE);
      case LAST_LF:
        this.done = true;
        return c === LF;
      default:
        return this.stepTrailer(c);
    }
  }

  private stepSize(c: number): boolean {
    const digit = hexDigit(c);
    if (digit >= 0) {
      this.remaining = this.remaining * 16 + digit;
      return ++this.digits <= SIZE_DIGITS_LIMIT;
    }
    this.extraBytes = 0;
    if (this.digits === 0) return false;
    if (c === SEMICOLON) return this.enter(EXTENSION);
    return c === CR && this.enter(SIZE_LF);
  }

  private stepTrailer(c: number): boolean {
    if (++this.extraBytes > TRAILER_LIMIT_BYTES) return false;
    switch (this.state) {
      case TRAILER:
        if (c === CR) return this.enter(LAST_LF);
        this.trailerName = String.fromCharCode(c);
        return TOKEN[c] === 1 && this.enter(TRAILER_NAME);
      case TRAILER_NAME:
        if (c === COLON) return !NO_TRAILERS.has(this.trailerName.toLowerCase()) && this.enter(TRAILER_VALUE);
        this.trailerName += String.fromCharCode(c);
        return TOKEN[c] === 1;
      case TRAILER_VALUE:
        return isText(c) || (c === CR && this.enter(TRAILER_LF));
      default:
        return c === LF && this.enter(TRAILER);
    }
  }

  private enter(state: number): true {
    this.state = state;
    return true;
  }
}

function isText(c: number): boolean {
  return (c >= SPACE && c !== DELETE) || c === TAB;
}

function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const lower = c | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
