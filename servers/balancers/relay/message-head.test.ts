import { describe, expect, it } from 'vitest';
import { cutNamedFields, MessageHead, NEED_MORE } from './head-fields.ts';
import { cookieValue, rewrittenMessage } from './head-rewrite.ts';
import { parseRequestHead, parseResponseHead } from './message-head.ts';

const head = new MessageHead();

function request(text: string): number {
  const bytes = Buffer.from(text, 'latin1');
  return parseRequestHead(bytes, 0, bytes.length, head);
}

function reply(text: string): number {
  const bytes = Buffer.from(text, 'latin1');
  return parseResponseHead(bytes, 0, bytes.length, head);
}

/** A request with these lines after a good start. */
const withLines = (...lines: string[]): string =>
  `POST / HTTP/1.1\r\nHost: h\r\n${lines.join('\r\n')}\r\n\r\n`;

describe('parseRequestHead', () => {
  it('reads what a relay needs', () => {
    const text =
      'GET /a?b HTTP/1.1\r\nHost: h\r\ncontent-LENGTH: 12\r\nCookie: a=b\r\nConnection: Close\r\n\r\n';
    expect(request(`${text}body`)).toBe(text.length);
    expect(head).toMatchObject({ isGet: true, minor: 1, contentLength: 12, close: true, chunked: false });
    expect(head.persists).toBe(false);
  });

  it.each([
    ['HTTP/1.1', '', true],
    ['HTTP/1.1', 'Connection: close\r\n', false],
    ['HTTP/1.1', 'Connection: x, CLOSE\r\n', false],
    ['HTTP/1.0', '', false],
    ['HTTP/1.0', 'Connection: keep-alive\r\n', true],
    ['HTTP/1.0', 'Connection: keep-alive, close\r\n', false],
  ])('%s %j persists: %s', (version, line, persists) => {
    expect(request(`GET / ${version}\r\nHost: h\r\n${line}\r\n`)).toBeGreaterThan(0);
    expect(head.persists).toBe(persists);
  });

  it('asks for more at every place where the bytes may end', () => {
    const text = withLines('Content-Length: 5', 'Connection: keep-alive', 'X-Empty:', 'X-Tab: \ta\tb ');
    for (let length = 0; length < text.length; length++)
      expect(request(text.slice(0, length))).toBe(NEED_MORE);
    expect(request(text)).toBe(text.length);
  });

  it.each([
    ['both lengths', withLines('Content-Length: 5', 'Transfer-Encoding: chunked')],
    ['both lengths, the other way round', withLines('Transfer-Encoding: chunked', 'Content-Length: 5')],
    ['two lengths that differ', withLines('Content-Length: 5', 'Content-Length: 6')],
    ['two lengths that agree', withLines('Content-Length: 5', 'Content-Length: 5')],
    ['a list of lengths', withLines('Content-Length: 5, 5')],
    ['a length with a sign', withLines('Content-Length: +5')],
    ['a negative length', withLines('Content-Length: -5')],
    ['a hexadecimal length', withLines('Content-Length: 0x5')],
    ['a length with a letter', withLines('Content-Length: 5a')],
    ['an empty length', withLines('Content-Length: ')],
    ['a length beyond reason', withLines('Content-Length: 9999999999999999')],
    ['a length in two words', withLines('Content-Length: 1 2')],
    ['an unknown encoding', withLines('Transfer-Encoding: gzip')],
    ['chunked last in a list', withLines('Transfer-Encoding: gzip, chunked')],
    ['chunked first in a list', withLines('Transfer-Encoding: chunked, identity')],
    ['chunked twice', withLines('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')],
    ['chunked misspelt', withLines('Transfer-Encoding: xchunked')],
    ['chunked in quotes', withLines('Transfer-Encoding: "chunked"')],
    ['chunked behind a vertical tab', withLines('Transfer-Encoding: \x0bchunked')],
    ['an empty encoding', withLines('Transfer-Encoding:')],
    ['chunked in HTTP/1.0', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['a space before the colon', withLines('Content-Length : 5')],
    ['a tab before the colon', withLines('Transfer-Encoding\t: chunked')],
    ['a folded line', withLines('X: a', ' b')],
    ['a folded line with a tab', withLines('Transfer-Encoding:', '\tchunked')],
    ['a space before the first field', 'GET / HTTP/1.1\r\n Host: h\r\n\r\n'],
    ['a line without a colon', withLines('nonsense')],
    ['an empty name', withLines(': x')],
    ['a name with a bracket', withLines('a(b: x')],
    ['a name beyond ASCII', withLines('Content-Length\xa0: 5')],
    ['a bare LF after the request line', 'GET / HTTP/1.1\nHost: h\r\n\r\n'],
    ['a bare LF after a field', 'GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n'],
    ['a bare LF at the end', 'GET / HTTP/1.1\r\nHost: h\r\n\n'],
    ['a bare CR in a field', withLines('X: a\rContent-Length: 5')],
    ['a bare CR after the version', 'GET / HTTP/1.1\rHost: h\r\n\r\n'],
    ['CR twice', 'GET / HTTP/1.1\r\r\nHost: h\r\n\r\n'],
    ['NUL in a value', withLines('X: a\0b')],
    ['NUL in a name', withLines('X\0: a')],
    ['NUL in the target', 'GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['DEL in a value', withLines('X: a\x7f')],
    ['no Host in 1.1', 'GET / HTTP/1.1\r\n\r\n'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
    ['two Hosts in 1.0', 'GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n'],
    ['a Host of two words', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n'],
    ['a list of Hosts', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n'],
    ['a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['a URL of another host', 'GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n'],
    ['a URL with a user', 'GET http://b@a/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target that is a word', 'GET a HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a star for GET', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['two spaces after the method', 'GET  / HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['two spaces before the version', 'GET /  HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['a space behind the version', 'GET / HTTP/1.1 \r\nHost: h\r\n\r\n'],
    ['a tab for a space', 'GET\t/\tHTTP/1.1\r\nHost: h\r\n\r\n'],
    ['a space in the target', 'GET /a b HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['a byte beyond ASCII in the target', 'GET /\xe9 HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['no target', 'GET HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['HTTP/0.9', 'GET /\r\n\r\n'],
    ['a leading space', ' GET / HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['a method that is not a token', 'G@T / HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['a version in lower case', 'GET / http/1.1\r\nHost: h\r\n\r\n'],
    ['a version of two digits', 'GET / HTTP/1.10\r\nHost: h\r\n\r\n'],
    ['a reply', 'HTTP/1.1 200 OK\r\nHost: h\r\n\r\n'],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01'],
  ])('refuses %s', (_, text) => {
    expect(request(text)).toBe(-400);
    // Nor does it hang on a part: every longer part is refused, or waits for what makes it bad.
    for (let length = 1; length < text.length; length++)
      expect(request(text.slice(0, length))).toBeLessThanOrEqual(0);
  });

  it.each([
    'GET http://H:80/a HTTP/1.1\r\nX: y\r\nhost: \th:80 \r\n\r\n',
    'GET http://[::1]:80?b HTTP/1.1\r\nHost: [::1]:80\r\n\r\n',
    'GET http://h/ HTTP/1.0\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n',
    'GET / HTTP/1.1\r\nHost:\r\n\r\n',
  ])('takes %j', (text) => {
    expect(request(text)).toBe(text.length);
  });

  it.each([
    ['CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n', -405],
    ['GET / HTTP/2.0\r\nHost: h\r\n\r\n', -505],
    ['GET / HTTP/1.2\r\nHost: h\r\n\r\n', -505],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', -505],
  ])('answers %j with %d', (text, status) => {
    expect(request(text)).toBe(status);
  });
});

describe('parseResponseHead', () => {
  it.each([
    ['HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n', { status: 200, contentLength: 3 }],
    ['HTTP/1.1 200\r\n\r\n', { status: 200, contentLength: -1 }],
    ['HTTP/1.0 404 Not \xe9 Found\r\n\r\n', { status: 404, minor: 0 }],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n', { chunked: true }],
  ])('reads %j', (text, expected) => {
    expect(reply(text)).toBe(text.length);
    expect(head).toMatchObject(expected);
    for (let length = 0; length < text.length; length++) expect(reply(text.slice(0, length))).toBe(NEED_MORE);
  });

  it.each([
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\nContent-Length: 3\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 2000 OK\r\n\r\n',
    'HTTP/1.1 099 OK\r\n\r\n',
    'HTTP/1.1  200 OK\r\n\r\n',
    'ICY 200 OK\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
  ])('distrusts %j', (text) => {
    expect(reply(text)).toBeLessThan(0);
  });
});

describe('rewriting', () => {
  function rewritten(text: string, added: string): string {
    const bytes = Buffer.from(text, 'latin1');
    const end = text.startsWith('HTTP')
      ? parseResponseHead(bytes, 0, bytes.length, head)
      : parseRequestHead(bytes, 0, bytes.length, head);
    if (head.namesFields) expect(cutNamedFields(bytes, 0, end, head)).toBe(true);
    return rewrittenMessage(bytes, 0, end, bytes.length, head, added).toString('latin1');
  }

  it.each([
    ['Connection: close\r\nA: b\r\n', 'A: b\r\n'],
    ['A: b\r\nConnection: keep-alive\r\n', 'A: b\r\nConnection: keep-alive\r\n'],
    ['Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nTE: trailers\r\nA: b\r\nUpgrade: h2c\r\n', 'A: b\r\n'],
    ['X-Hop: 1\r\nA: b\r\nConnection: x-hop, close\r\nX-HOP: 2\r\nUpgrade: h2c\r\n', 'A: b\r\n'],
  ])('makes of a request with %j one with %j', (lines, expected) => {
    expect(rewritten(`GET / HTTP/1.1\r\nHost: h\r\n${lines}\r\n`, '')).toBe(
      `GET / HTTP/1.1\r\nHost: h\r\n${expected}\r\n`,
    );
  });

  it("takes a reply's connection fields out, puts lines in, and leaves the body alone", () => {
    const body = 'Connection: close\r\n\r\n\xff';
    const text = `HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nA: b\r\n\r\n${body}`;
    expect(rewritten(text, 'C: d\r\n')).toBe(`HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n${body}`);
    expect(rewritten(text, '')).toBe(`HTTP/1.1 200 OK\r\nA: b\r\n\r\n${body}`);
  });

  it.each(['Content-Length', 'transfer-encoding', 'Host', 'Cookie'])('will not take out %s', (name) => {
    const bytes = Buffer.from(
      `POST / HTTP/1.1\r\nHost: h\r\nConnection: ${name}\r\nCookie: a=b\r\n` +
        `${name === 'transfer-encoding' ? 'Transfer-Encoding: chunked' : 'Content-Length: 1'}\r\n\r\n`,
    );
    const end = parseRequestHead(bytes, 0, bytes.length, head);
    expect(head.namesFields).toBe(true);
    expect(cutNamedFields(bytes, 0, end, head)).toBe(false);
  });

  it('refuses more lines to take out than anyone sends', () => {
    expect(request(withLines(...Array.from({ length: 20 }, (_, n) => `TE: x\r\nA${n}: b`)))).toBe(-400);
  });
});

describe('cookieValue', () => {
  it.each([
    ['lb=s1', 's1'],
    ['a=b; lb=s2; c=d', 's2'],
    ['a=b;lb=s2', 's2'],
    ['alb=s1; xlb=lb=s2', undefined],
    ['alb=lb=x; lb=s3 ', 's3'],
    ['lb=', ''],
    ['LB=s1', undefined],
    ['a=b\r\nCookie: lb=s4', 's4'],
    ['a=b\r\nX: lb=s1', undefined],
  ])('of %j is %j', (cookies, expected) => {
    const bytes = Buffer.from(`GET /lb=s9 HTTP/1.1\r\nHost: h\r\nCookie: ${cookies}\r\nX-Lb: lb=s8\r\n\r\n`);
    expect(parseRequestHead(bytes, 0, bytes.length, head)).toBe(bytes.length);
    expect(cookieValue(bytes, head, 'lb')).toBe(expected);
  });
});
