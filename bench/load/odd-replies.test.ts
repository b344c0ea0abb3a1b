import { describe, expect, test } from 'vitest';
import { ODD_REPLIES } from './odd-replies-fixture.ts';
import { createReplyParser } from './reply-parser.ts';

/** What becomes of a reply that comes in two pieces; the memory of each is overwritten, as that of the sockets is. */
function outcomeOf(text: string, cut: number): unknown {
  const parser = createReplyParser();
  const bytes = Buffer.from(text);
  let isWhole = false;
  try {
    for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      if (piece.length === 0) continue;
      const shared = Buffer.from(piece);
      isWhole = parser.take(shared, shared.length);
      if (!isWhole) shared.fill('#');
    }
  } catch (error) {
    return (error as Error).message;
  }
  const { status, isPersistent, hasExcess, bytes: size } = parser;
  return isWhole ? { status, body: parser.body(), isPersistent, hasExcess, size } : parser.missing;
}

describe.each(Object.entries(ODD_REPLIES))('%s', (_name, { text, read, refused }) => {
  const size = Buffer.byteLength(text);
  const expected =
    read === undefined
      ? expect.stringMatching(refused as RegExp)
      : { status: 200, isPersistent: true, ...read, hasExcess: false, size };

  test(`is ${read === undefined ? 'refused' : 'read'}, cut at any byte`, () => {
    for (let cut = 0; cut < size; cut += 1) expect(outcomeOf(text, cut), `cut at ${cut}`).toEqual(expected);
  });
});

test('names and values of headers, with their folded lines', () => {
  const text = 'HTTP/1.1 200 OK\r\nSet-Cookie: a=1;\r\n\tPath=/\r\nX:\r\n y\r\nContent-Length: 0\r\n\r\n';
  const parser = createReplyParser();
  expect(parser.take(Buffer.from(text), text.length)).toBe(true);
  expect(parser.headers()).toEqual(['Set-Cookie', 'a=1; Path=/', 'X', 'y', 'Content-Length', '0']);
});

test.each([
  ['', 'a reply'],
  ['HTTP/1.1 200 OK\r\nX: ', 'the end of its head'],
  ['HTTP/1.1 100 Continue\r\n\r\n', 'a reply after an interim one'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok', 'the end of its body'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n', 'the end of its body'],
  ['HTTP/1.1 200 OK\r\nX: y\r\n\r\nok', 'its end: it has no length, and the connection stays open'],
])('%j is not whole: it says what is missing', (text, missing) => {
  const parser = createReplyParser();
  if (text !== '') expect(parser.take(Buffer.from(text), text.length)).toBe(false);
  expect(parser.missing).toBe(missing);
});
