const [LF, CR] = [10, 13];
/** Longest line with a chunk's size, including extensions, and longest trailer. */
const MAX_LINE_BYTES = 4_096;

/** Parses a chunked body (RFC 9112 §7.1) incrementally. */
export interface ChunkWalk {
  /** Index of the next line with a size, or of the next trailer. */
  next: number;
  isInTrailer: boolean;
}

/**
 * Continues towards the body's end as far as there are bytes. Returns the index after it, or -1 when it has not
 * arrived.
 * @throws Error for an invalid size, and for a chunk of another.
 */
export function walkChunks(bytes: Buffer, until: number, walk: ChunkWalk): number {
  for (;;) {
    const lineEnd = indexOfLf(bytes, walk.next, until);
    if (lineEnd < 0) return -1;
    const line = bytes.toString('latin1', walk.next, lineEnd).trim();
    if (walk.isInTrailer) {
      walk.next = lineEnd + 1;
      if (line === '') return walk.next;
      continue;
    }
    const size = sizeIn(line);
    const after = size === 0 ? lineEnd + 1 : afterChunk(bytes, lineEnd + 1 + size, until);
    if (after < 0) return -1;
    walk.next = after;
    walk.isInTrailer = size === 0;
  }
}

/** The content of the whole chunked body at `from`. */
export function textOfChunks(bytes: Buffer, from: number): string {
  const parts: Buffer[] = [];
  for (let next = from; ; ) {
    const lineEnd = bytes.indexOf(LF, next);
    const size = sizeIn(bytes.toString('latin1', next, lineEnd).trim());
    if (size === 0) return Buffer.concat(parts).toString();
    const end = lineEnd + 1 + size;
    parts.push(bytes.subarray(lineEnd + 1, end));
    next = afterChunk(bytes, end, bytes.length);
  }
}

/** Index after the line end that follows each chunk at `at`; -1 when it has not arrived. */
function afterChunk(bytes: Buffer, at: number, until: number): number {
  const hasCr = at < until && bytes[at] === CR;
  const lineFeed = hasCr ? at + 1 : at;
  if (lineFeed >= until) return -1;
  if (bytes[lineFeed] !== LF) throw new Error('a chunk that is longer than its size');
  return lineFeed + 1;
}

function indexOfLf(bytes: Buffer, from: number, until: number): number {
  for (let index = from; index < until; index += 1) if (bytes[index] === LF) return index;
  if (until - from > MAX_LINE_BYTES) throw new Error(`a line of chunks of more than ${MAX_LINE_BYTES} bytes`);
  return -1;
}

function sizeIn(line: string): number {
  const match = /^0*([0-9a-f]{1,8})\s*(?:;.*)?$/i.exec(line);
  if (match === null) throw new Error('a chunk without a size');
  return Number.parseInt(match[1] as string, 16);
}
