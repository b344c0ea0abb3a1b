/** Replies of Memcached from the bytes of a connection, however they are cut. */

/** One line, and the value that follows it. */
export interface Reply {
  /** The first word: `HD`, `VA`, `STORED`, `SERVER_ERROR`, … */
  code: string;
  /** The rest of the line. */
  rest: string;
  /** The text of `VA`; `undefined` for all others. */
  value: string | undefined;
}

/** Bytes that cannot be the reply to what was asked. Its message holds nothing of a session. */
export class ReplyError extends Error {
  constructor(got: string) {
    const word = /^[A-Z][A-Z0-9_./]{0,30}(?=\s|$)/.exec(got)?.[0];
    super(`expected a reply of Memcached, got ${word === undefined ? 'other bytes' : `"${word}"`}`);
    this.name = 'ReplyError';
  }
}

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
/** Longer than any line of Memcached, whose keys have up to 250 bytes. */
const MAX_LINE_BYTES = 8_192;
/** The most that a server can be set to (`-I`). */
const MAX_VALUE_BYTES = 2 ** 30;

/** Returns a function that takes the bytes in order. It throws {@link ReplyError}, and is not to be called again then. */
export function readReplies(onReply: (reply: Reply) => void): (chunk: Buffer) => void {
  let held: Buffer[] = [];
  let heldBytes = 0;
  /** Fewer would not complete a reply: a large value is joined once, not with each chunk. */
  let neededBytes = 0;

  return (chunk) => {
    let bytes = chunk;
    if (heldBytes > 0) {
      held.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes < neededBytes) return;
      bytes = Buffer.concat(held, heldBytes);
    }
    const { used, needed } = takeReplies(bytes, onReply);
    held = used < bytes.length ? [bytes.subarray(used)] : [];
    heldBytes = bytes.length - used;
    neededBytes = needed;
  };
}

/** Passes on the replies that are complete. Returns their bytes, and how many the next one has, as far as is known. */
function takeReplies(bytes: Buffer, onReply: (reply: Reply) => void): { used: number; needed: number } {
  let used = 0;
  while (used < bytes.length) {
    const end = bytes.indexOf(LINE_FEED, used);
    if (end < 0) {
      if (bytes.length - used > MAX_LINE_BYTES)
        throw new ReplyError(bytes.toString('latin1', used, used + 80));
      break;
    }
    const line = bytes.toString('latin1', used, bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end);
    const space = line.indexOf(' ');
    const code = space < 0 ? line : line.slice(0, space);
    const rest = space < 0 ? '' : line.slice(space + 1);
    if (code !== 'VA') {
      used = end + 1;
      onReply({ code, rest, value: undefined });
      continue;
    }
    const size = Number.parseInt(rest, 10);
    if (!(size >= 0 && size <= MAX_VALUE_BYTES)) throw new ReplyError('VA');
    const valueEnd = end + 1 + size;
    if (bytes.length < valueEnd + 2) return { used, needed: valueEnd + 2 - used };
    if (bytes[valueEnd] !== CARRIAGE_RETURN || bytes[valueEnd + 1] !== LINE_FEED) throw new ReplyError('VA');
    used = valueEnd + 2;
    onReply({ code, rest, value: bytes.toString('utf8', end + 1, valueEnd) });
  }
  return { used, needed: 0 };
}
