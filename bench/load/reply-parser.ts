import { type ChunkWalk, textOfChunks, walkChunks } from './chunks.ts';
import { emptyHead, rawHeaders, readHead } from './reply-head.ts';

/**
 * Parses one reply at a time from a connection, in any segmentation. A reply in one piece, as nearly all are, is parsed
 * in place; pieces of others are copied. Its properties describe the whole reply, until `reset` or until the bytes are
 * overwritten.
 */
export interface ReplyParser {
  /** Takes the next bytes; true when the reply is complete. @throws Error with what came instead of HTTP/1. */
  take(bytes: Buffer, count: number): boolean;
  /** Says before a reply whether it answers HEAD, and so has no body. */
  expect(answersHead: boolean): void;
  /** The connection has ended cleanly: true when that completes the reply. */
  end(): boolean;
  /** No byte of a reply has been taken. */
  readonly isAtStart: boolean;
  readonly status: number;
  readonly isPersistent: boolean;
  /** Size of the reply, including interim replies. */
  readonly bytes: number;
  /** What of a reply has not come yet. */
  readonly missing: string;
  /** More bytes came than belong to the reply. */
  readonly hasExcess: boolean;
  body(): string;
  /** Names and values alternate. */
  headers(): readonly string[];
  /** Prepares for the next reply. */
  reset(): void;
}

const MIN_HELD_BYTES = 16_384;
const NOTHING = Buffer.alloc(0);

export function createReplyParser(): ReplyParser {
  const head = emptyHead();
  let source: Buffer = NOTHING;
  let length = 0;
  /** Start of the head, after interim replies. */
  let start = 0;
  let hasHead = false;
  let end = -1;
  let walk: ChunkWalk | undefined;
  let held: Buffer = NOTHING;
  let raw: string[] | undefined;

  /** Copies what is needed, for the next bytes overwrite these. */
  function hold(bytes: Buffer, count: number): void {
    const needed = length + count;
    if (held.length < needed) {
      const grown = Buffer.allocUnsafe(Math.max(needed, held.length * 2, MIN_HELD_BYTES));
      source.copy(grown, 0, 0, length);
      held = grown;
    }
    bytes.copy(held, length, 0, count);
    source = held;
    length = needed;
  }

  /** Index of the reply's end in `source`, -1 while it has not arrived. */
  function findEnd(): number {
    while (!hasHead) {
      if (!readHead(source, start, length, head)) return -1;
      // Interim replies precede the final one (RFC 9110 §15.2); no request asks to switch protocols.
      if (head.status >= 200 || head.status === 101) hasHead = true;
      else start = head.end;
    }
    if (head.framing === 'none') return head.end;
    if (head.framing === 'length') return length >= head.end + head.length ? head.end + head.length : -1;
    if (head.framing === 'close') return -1;
    walk ??= { next: head.end, isInTrailer: false };
    return walkChunks(source, length, walk);
  }

  return {
    expect(answersHead) {
      head.answersHead = answersHead;
    },
    take(bytes, count) {
      if (length === 0) {
        source = bytes;
        length = count;
      } else hold(bytes, count);
      end = findEnd();
      if (end >= 0) return true;
      if (source === bytes) {
        length = 0;
        hold(bytes, count);
      }
      return false;
    },
    end() {
      if (!hasHead || head.framing !== 'close') return false;
      end = length;
      return true;
    },
    get isAtStart() {
      return length === 0;
    },
    get status() {
      return head.status;
    },
    get isPersistent() {
      return head.isPersistent;
    },
    get bytes() {
      return end;
    },
    get missing() {
      if (length === 0) return 'a reply';
      if (!hasHead) return start === 0 ? 'the end of its head' : 'a reply after an interim one';
      if (head.framing === 'close') return 'its end: it has no length, and the connection stays open';
      return 'the end of its body';
    },
    get hasExcess() {
      return length > end;
    },
    body: () =>
      head.framing === 'chunked' ? textOfChunks(source, head.end) : source.toString('utf8', head.end, end),
    headers() {
      raw ??= rawHeaders(source, start, head.end);
      return raw;
    },
    reset() {
      source = NOTHING;
      length = 0;
      start = 0;
      hasHead = false;
      end = -1;
      walk = undefined;
      raw = undefined;
      // The buffer of one huge reply is not kept.
      if (held.length > 1024 * 1024) held = NOTHING;
    },
  };
}
