import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyScanner, EXTENSION_LIMIT_BYTES, TRAILER_LIMIT_BYTES } from './body-scanner.ts';
import { MessageHead, NEED_MORE } from './head-fields.ts';
import { parseRequestHead } from './message-head.ts';

function scanChunked(text: string): { end: number; done: boolean } {
  const body = new BodyScanner();
  body.beginChunked();
  const bytes = Buffer.from(text, 'latin1');
  const end = body.scan(bytes, 0, bytes.length);
  return { end, done: body.done };
}

describe('a chunked body', () => {
  it.each([
    '0\r\n\r\n',
    `${'1\r\nx\r\n'.repeat(20)}0\r\n\r\n`,
    '5\r\nhello\r\n0\r\n\r\n',
    'a\r\n0123456789\r\n0A\r\n\r\n23456789\r\n000\r\n\r\n',
    '1;name=value;x="y z"\r\nx\r\n0;last\r\n\r\n',
    '1\r\nx\r\n0\r\nTrailer: a b\r\nX:\r\n\r\n',
  ])('%j ends where it ends', (text) => {
    expect(scanChunked(`${text}GET / HTTP/1.1`)).toEqual({ end: text.length, done: true });
    expect(scanChunked(text.slice(0, -1)).done).toBe(false);
  });

  it.each([
    ['no size', '\r\nx'],
    ['a size that is not a number', 'g\r\n'],
    ['0x', '0x5\r\nhello\r\n'],
    ['a sign', '+5\r\nhello'],
    ['a minus sign', '-5\r\nhello'],
    ['a space before the size', ' 5\r\nhello'],
    ['a space behind the size', '5 \r\nhello'],
    ['a tab behind the size', '5\t;a\r\nhello'],
    ['a size that overflows', '10000000000000000\r\n'],
    ['leading zeros without end', '00000000000000\r\n'],
    ['a bare LF after the size', '5\nhello'],
    ['a bare CR after the size', '5\rhello'],
    ['a bare LF after the data', '5\r\nhello\n0\r\n\r\n'],
    ['data longer than the size', '5\r\nhello!\r\n'],
    ['a bare LF in an extension', '5;a\nb\r\nhello'],
    ['NUL in an extension', '5;a\0\r\nhello'],
    ['an endless extension', `5;${'a'.repeat(EXTENSION_LIMIT_BYTES + 1)}\r\nhello`],
    ['endless trailers', `0\r\nA: ${'a'.repeat(TRAILER_LIMIT_BYTES)}\r\n\r\n`],
    ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
    ['a trailer that frames', '0\r\nA: b\r\nContent-LENGTH: 5\r\n\r\n'],
    ['a trailer that authenticates', '0\r\ncookie: a=b\r\n\r\n'],
    ['a trailer without a colon', '0\r\nGET / HTTP/1.1\r\n\r\n'],
    ['a bare LF at the end', '0\r\n\n'],
  ])('with %s is refused', (_, text) => {
    expect(scanChunked(text).end).toBe(-1);
  });
});

it('passes everything until the close when there is no length', () => {
  const body = new BodyScanner();
  body.beginUntilClose();
  expect(body.scan(Buffer.from('0\r\n\r\n'), 1, 5)).toBe(5);
  expect(body.done).toBe(false);
});

/** Where each message of a stream begins and ends, read in the given pieces as a connection would. */
function messagesOf(pieces: readonly Buffer[]): string[] {
  const [head, body, messages] = [new MessageHead(), new BodyScanner(), [] as string[]];
  let rest: Buffer = Buffer.alloc(0);
  let message = '';
  for (const piece of pieces) {
    const bytes = Buffer.concat([rest, piece]);
    let at = 0;
    while (at < bytes.length) {
      const start = at;
      if (body.done) {
        const headEnd = parseRequestHead(bytes, at, bytes.length, head);
        if (headEnd === NEED_MORE) break;
        if (headEnd < 0) throw new Error(`refused: ${bytes.toString('latin1', at)}`);
        if (head.chunked) body.beginChunked();
        else body.beginLength(Math.max(0, head.contentLength));
        at = headEnd;
      }
      at = body.scan(bytes, at, bytes.length);
      if (at < 0) throw new Error(`refused: ${bytes.toString('latin1', start)}`);
      message += bytes.toString('latin1', start, at);
      if (body.done) messages.push(message);
      if (body.done) message = '';
    }
    rest = bytes.subarray(at);
  }
  return messages;
}

const bodyBytes = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const chunkedBody = fc
  .tuple(
    fc.array(bodyBytes.filter((bytes) => bytes !== '')),
    fc.constantFrom('', 'Sum: 1\r\n'),
    fc.constantFrom('', ';a=b'),
  )
  .map(([chunks, trailer, extension]) => {
    const parts = chunks.map((chunk) => `${chunk.length.toString(16)}${extension}\r\n${chunk}\r\n`);
    return `${parts.join('')}0\r\n${trailer}\r\n`;
  });
const field = fc.constantFrom(
  'Accept: */*',
  'X:',
  'Cookie: a=b; lb=s1',
  'Connection: keep-alive',
  'X-Obs: \xe9\t ',
);
const message = fc
  .tuple(
    fc.constantFrom('GET', 'HEAD', 'POST', 'X-Y'),
    fc.array(field, { maxLength: 3 }),
    fc.option(bodyBytes),
    fc.option(chunkedBody),
  )
  .map(([method, fields, plain, chunked]) => {
    const framing =
      chunked !== null
        ? ['Transfer-Encoding: chunked']
        : plain !== null
          ? [`Content-Length: ${plain.length}`]
          : [];
    const lines = [`${method} /p HTTP/1.1`, 'Host: h', ...fields, ...framing];
    return `${lines.join('\r\n')}\r\n\r\n${chunked ?? plain ?? ''}`;
  });

it('finds the same messages however the stream is split', () => {
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      (messages, places) => {
        const stream = Buffer.from(messages.join(''), 'latin1');
        const cuts = [
          0,
          ...places.map((place) => place % stream.length).sort((a, b) => a - b),
          stream.length,
        ];
        const pieces = cuts.slice(1).map((cut, n) => stream.subarray(cuts[n], cut));
        expect(messagesOf(pieces)).toEqual(messages);
        expect(messagesOf(Array.from(stream, (byte) => Buffer.from([byte])))).toEqual(messages);
      },
    ),
  );
});
