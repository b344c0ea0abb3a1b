import { describe, expect, test } from 'vitest';
import { createReplyParser } from './reply-parser.ts';

/** Replies cut into packets in every way: what is read must not depend on it. */
interface Case {
  text: string;
  status: number;
  body: string;
  isPersistent?: boolean;
  /** Only the end of the connection ends it. */
  isUntilClose?: boolean;
}

const CHUNKS = '4\r\nWiki\r\n6;name=value\r\npedia \r\nC\r\nin \r\nchunks.\r\n0\r\n';

const CASES: Record<string, Case> = {
  'a length': { text: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', status: 200, body: 'hello' },
  'a length of nothing': { text: 'HTTP/1.1 404 \r\ncontent-length:0\r\n\r\n', status: 404, body: '' },
  'text beyond ASCII': {
    text: 'HTTP/1.1 200 OK\r\nCONTENT-LENGTH: 6 \r\n\r\nh€lo',
    status: 200,
    body: 'h€lo',
  },
  'lines that end with LF alone': {
    text: 'HTTP/1.1 200 OK\ncontent-length: 2\n\nhi',
    status: 200,
    body: 'hi',
  },
  chunks: {
    text: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}\r\n`,
    status: 200,
    body: 'Wikipedia in \r\nchunks.',
  },
  'chunks and trailers, whatever length is named beside them': {
    text: `HTTP/1.1 200 OK\r\nContent-Length: 3\r\ntransfer-encoding: Chunked\r\n\r\n${CHUNKS}expires: never\r\nx: y\r\n\r\n`,
    status: 200,
    body: 'Wikipedia in \r\nchunks.',
  },
  'no chunks but the last': {
    text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    status: 200,
    body: '',
  },
  'status 204': { text: 'HTTP/1.1 204 No Content\r\nx: y\r\n\r\n', status: 204, body: '' },
  'status 304, whatever length is named': {
    text: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n',
    status: 304,
    body: '',
  },
  'interim replies before it': {
    text: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    status: 200,
    body: 'ok',
  },
  'connection: close': {
    text: 'HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok',
    status: 200,
    body: 'ok',
    isPersistent: false,
  },
  'HTTP/1.0': {
    text: 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
    status: 200,
    body: 'ok',
    isPersistent: false,
  },
  'HTTP/1.0 that keeps alive': {
    text: 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
    status: 200,
    body: 'ok',
  },
  'a body until the connection ends': {
    text: 'HTTP/1.1 200 OK\r\nx: y\r\n\r\nall of\r\n\r\nthis',
    status: 200,
    body: 'all of\r\n\r\nthis',
    isPersistent: false,
    isUntilClose: true,
  },
  'headers that only look like those that matter': {
    text: 'HTTP/1.1 200 OK\r\nContent-Lengths: 9\r\nX-Content-Length: 8\r\nConnections: close\r\nCookie: content-length: 7\r\nTransfer-Encodings: chunked\r\nContent-Length: 2\r\n\r\nok',
    status: 200,
    body: 'ok',
  },
};

/** Reads a reply from these pieces, each in memory that is overwritten at once, as that of the sockets is. */
function read({ text, isUntilClose = false }: Case, cuts: readonly number[], parser = createReplyParser()) {
  const bytes = Buffer.from(text);
  const shared = Buffer.alloc(bytes.length);
  let isWhole = false;
  const edges = [0, ...cuts, bytes.length];
  for (const [index, from] of edges.slice(0, -1).entries()) {
    const count = bytes.copy(shared, 0, from, edges[index + 1]);
    expect(isWhole).toBe(false);
    isWhole = parser.take(shared, count);
    if (!isWhole) shared.fill('#');
  }
  if (isUntilClose) {
    expect(isWhole).toBe(false);
    isWhole = parser.end();
  }
  expect(isWhole).toBe(true);
  const { status, isPersistent, hasExcess } = parser;
  return {
    status,
    body: parser.body(),
    isPersistent,
    hasExcess,
    bytes: parser.bytes,
    headers: parser.headers(),
  };
}

describe.each(Object.entries(CASES))('%s', (_name, one) => {
  const size = Buffer.byteLength(one.text);
  const expected = {
    status: one.status,
    body: one.body,
    isPersistent: one.isPersistent ?? true,
    bytes: size,
  };

  test('in one piece', () => {
    expect(read(one, [])).toMatchObject({ ...expected, hasExcess: false });
  });
  test('in two pieces, cut at every byte', () => {
    for (let cut = 1; cut < size; cut += 1) expect(read(one, [cut]), `cut at ${cut}`).toMatchObject(expected);
  });
  test('byte by byte, twice over the same parser', () => {
    const cuts = Array.from({ length: size - 1 }, (_, index) => index + 1);
    const parser = createReplyParser();
    const first = read(one, cuts, parser);
    parser.reset();
    expect(first).toMatchObject(expected);
    expect(read(one, cuts, parser)).toEqual(first);
  });
});

test('headers are those of the reply, not of interim replies before it', () => {
  const text =
    'HTTP/1.1 100 Continue\r\na: 0\r\n\r\nHTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nset-cookie:  b=2 \r\nContent-Length: 0\r\n\r\n';
  const { headers } = read({ text, status: 200, body: '' }, [30]);
  expect(headers).toEqual(['Set-Cookie', 'a=1; Path=/', 'set-cookie', 'b=2', 'Content-Length', '0']);
});

test('a body of a megabyte in many pieces is whole', () => {
  const body = 'x'.repeat(1_000_000);
  const text = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const cuts = Array.from({ length: 60 }, (_, index) => (index + 1) * 16_000);
  expect(read({ text, status: 200, body }, cuts).body).toBe(body);
});

test.each([
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay'],
  ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK'],
  ['no body', 'HTTP/1.1 204 No Content\r\n\r\nx'],
])('bytes behind the end are noticed: %s', (_name, text) => {
  const parser = createReplyParser();
  expect(parser.take(Buffer.from(text), text.length)).toBe(true);
  expect(parser.hasExcess).toBe(true);
});

test.each([
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['a first byte that is wrong', 'X'],
  ['no status', 'HTTP/1.1 OK\r\n\r\n'],
  ['a length that is not a number', 'HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n'],
  ['a length of nothing at all', 'HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n'],
  ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n'],
  ['an unsupported coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
  ['a chunk without a size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n'],
  [
    'a chunk that is longer than its size',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n',
  ],
  ['a head without an end', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(12_000)}`],
  [
    'a head of that size with its end, in one piece',
    `HTTP/1.1 200 OK\r\ncontent-length: 0\r\n${'x: y\r\n'.repeat(12_000)}\r\n`,
  ],
])('refuses %s', (_name, text) => {
  const parser = createReplyParser();
  expect(() => parser.take(Buffer.from(text), text.length)).toThrow();
});

test('a connection that ends within a reply does not make it whole', () => {
  for (const text of ['HTTP/1.1 200 OK\r\nContent-Le', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell']) {
    const parser = createReplyParser();
    expect(parser.take(Buffer.from(text), text.length)).toBe(false);
    expect(parser.end()).toBe(false);
  }
});
