/** Replies as odd servers write them, and what is made of each (docs/compatibility.md lists them). */

interface OddReply {
  text: string;
  /** What is read; absent when the reply is refused. */
  read?: { status?: number; body: string; isPersistent?: boolean };
  /** Why it is refused. */
  refused?: RegExp;
}

const OK = 'HTTP/1.1 200 OK\r\n';
const LENGTH = 'Content-Length: 2\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
/** A reply whose end its headers cannot tell must not be waited for. */
const headers = (text: string) => `${OK}${text}\r\nok`;
const chunks = (text: string) => `${OK}${CHUNKED}\r\n${text}`;
const NO_COLON = /without a colon right behind it/;
const NO_NUMBER = /content-length that is not a number/;
const BLANK = /a header line that begins with a blank/;
const WRONG_CHUNK = /a chunk that is longer than its size/;

export const ODD_REPLIES: Readonly<Record<string, OddReply>> = {
  // Headers that determine the end (RFC 9112 §5.1, §5.2, §6.3; RFC 9110 §8.6).
  'a blank before the colon of content-length': {
    text: headers('content-length : 2\r\n'),
    refused: /content-length without a colon/,
  },
  'a tab before the colon of content-length': { text: headers('Content-Length\t: 2\r\n'), refused: NO_COLON },
  'content-length without a colon': { text: headers('Content-Length 2\r\n'), refused: NO_COLON },
  'nothing behind content-length': { text: headers('Content-Length\r\n'), refused: NO_COLON },
  'a blank before the colon of transfer-encoding': {
    text: `${OK}Transfer-Encoding : chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    refused: /transfer-encoding without a colon/,
  },
  'a blank before the colon of connection': {
    text: headers(`Connection : close\r\n${LENGTH}`),
    refused: /connection without a colon/,
  },
  'a blank before the colon of another header': { text: headers(`X : y\r\n${LENGTH}`), read: { body: 'ok' } },
  'longer names': {
    text: headers(`Content-Length-Hint: 9\r\nTransfer-Encodings : gzip\r\n${LENGTH}`),
    read: { body: 'ok' },
  },
  'tabs around a length': { text: headers('Content-Length:\t2\t \r\n'), read: { body: 'ok' } },
  'a folded length': { text: headers('Content-Length:\r\n 2\r\n'), refused: NO_NUMBER },
  'a length that goes on in the next line': { text: headers('Content-Length: 2\r\n 0\r\n'), refused: BLANK },
  'a coding that goes on in the next line': {
    text: `${OK}${CHUNKED}\t, gzip\r\n\r\n`,
    refused: BLANK,
  },
  'a folded header of another name': {
    text: headers(`X: a\r\n Content-Length: 9\r\n\tb\r\n${LENGTH}`),
    read: { body: 'ok' },
  },
  'a blank before the first header': { text: headers(` ${LENGTH}`), refused: BLANK },
  'two lengths that agree': { text: headers(LENGTH + LENGTH), read: { body: 'ok' } },
  'two lengths that differ': {
    text: headers(`${LENGTH}content-length: 3\r\n`),
    refused: /two different content-lengths/,
  },
  'a list of lengths': { text: headers('Content-Length: 2, 2\r\n'), refused: NO_NUMBER },
  'a length with a blank in it': { text: headers('Content-Length: 0 2\r\n'), refused: NO_NUMBER },
  'a length with a sign': { text: headers('Content-Length: +2\r\n'), refused: NO_NUMBER },
  'a length in hexadecimal digits': { text: headers('Content-Length: 0x2\r\n'), refused: NO_NUMBER },
  'a length with zeros before it': { text: headers('Content-Length: 0002\r\n'), read: { body: 'ok' } },
  'a length beyond any number': {
    text: headers(`Content-Length: ${'9'.repeat(20)}\r\n`),
    refused: NO_NUMBER,
  },
  'a length beside chunks, before them': {
    text: `${OK}Content-Length: 9\r\n${CHUNKED}\r\n2\r\nok\r\n0\r\n\r\n`,
    read: { body: 'ok' },
  },
  'a length beside chunks, behind them': {
    text: `${OK}${CHUNKED}Content-Length: 9\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    read: { body: 'ok' },
  },
  'chunked twice': { text: `${OK}${CHUNKED}${CHUNKED}\r\n`, refused: /transfer-encoding chunked/ },
  'another coding': { text: `${OK}Transfer-Encoding: gzip\r\n\r\n`, refused: /transfer-encoding gzip/ },
  'identity as the coding': {
    text: headers(`Transfer-Encoding: identity\r\n${LENGTH}`),
    refused: /transfer-encoding identity/,
  },
  // Chunks (RFC 9112 §7.1).
  'sizes in upper and lower case, with zeros': {
    text: chunks(`A\r\n0123456789\r\n0000000000a\r\n0123456789\r\n00\r\n\r\n`),
    read: { body: '01234567890123456789' },
  },
  'extensions of chunks': {
    text: chunks('2;a=b;c="d e"\r\nok\r\n0;last\r\n\r\n'),
    read: { body: 'ok' },
  },
  'a blank behind a size': { text: chunks('2 \r\nok\r\n0 ;x\r\n\r\n'), read: { body: 'ok' } },
  trailers: {
    text: chunks('2\r\nok\r\n0\r\nContent-Length: 9\r\nX : y\r\n\r\n'),
    read: { body: 'ok' },
  },
  'chunks in lines of LF alone': { text: chunks('1\no\n1\nk\n0\n\n'), read: { body: 'ok' } },
  'a chunk that is shorter than its data': { text: chunks('1\r\nok\r\n0\r\n\r\n'), refused: WRONG_CHUNK },
  'a chunk without a line end behind it': { text: chunks('2\r\nok12\r\n\r\n'), refused: WRONG_CHUNK },
  'a negative size': { text: chunks('-1\r\n'), refused: /a chunk without a size/ },
  'a size with 0x': { text: chunks('0x2\r\n'), refused: /a chunk without a size/ },
  'a size of nothing': { text: chunks('\r\n'), refused: /a chunk without a size/ },
  'a size beyond four bytes': { text: chunks('100000000\r\n'), refused: /a chunk without a size/ },
  // The first line, and what comes before it.
  'no reason in the status line': { text: `HTTP/1.1 200\r\n${LENGTH}\r\nok`, read: { body: 'ok' } },
  'a status of four digits': { text: `HTTP/1.1 2000 OK\r\n${LENGTH}\r\nok`, refused: /without a status/ },
  'a status of two digits': { text: `HTTP/1.1 20 OK\r\n${LENGTH}\r\nok`, refused: /without a status/ },
  'two blanks before the status': {
    text: `HTTP/1.1  200 OK\r\n${LENGTH}\r\nok`,
    refused: /without a status/,
  },
  'HTTP/2 in the clear': { text: 'HTTP/2 200\r\n\r\n', refused: /HTTP\/1/ },
  'ICY, as Shoutcast replies': { text: `ICY 200 OK\r\n${LENGTH}\r\nok`, refused: /HTTP\/1/ },
  'a body alone, as HTTP/0.9 replies': { text: '<html>ok</html>', refused: /HTTP\/1/ },
  'an empty line before the reply': { text: `\r\n${OK}${LENGTH}\r\nok`, refused: /HTTP\/1/ },
  'interim replies before it': {
    text: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${headers(LENGTH)}`,
    read: { body: 'ok' },
  },
  'an interim reply with a length': {
    text: `HTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\n${headers(LENGTH)}`,
    read: { body: 'ok' },
  },
  'another protocol without being asked': {
    text: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
    read: { status: 101, body: '', isPersistent: false },
  },
  'a 204 with a length': {
    text: 'HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n',
    read: { status: 204, body: '' },
  },
  'a 204 with chunks': { text: `HTTP/1.1 204 No Content\r\n${CHUNKED}\r\n`, read: { status: 204, body: '' } },
  'a head in lines of LF alone': { text: 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', read: { body: 'ok' } },
  'a head in lines of both kinds': { text: `${OK}X: y\n${LENGTH}\nok`, read: { body: 'ok' } },
  'CR alone between headers': {
    text: headers(`X: y\rContent-Length: 9\r\n${LENGTH}`),
    read: { body: 'ok' },
  },
  // Whether the connection goes on (RFC 9112 §9.3).
  'HTTP/1.0': {
    text: `HTTP/1.0 200 OK\r\n${LENGTH}\r\nok`,
    read: { body: 'ok', isPersistent: false },
  },
  'HTTP/1.0 that keeps alive': {
    text: `HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n${LENGTH}\r\nok`,
    read: { body: 'ok' },
  },
  'HTTP/1.0 with chunks, which it has not': {
    text: `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${CHUNKED}\r\n2\r\nok\r\n0\r\n\r\n`,
    read: { body: 'ok', isPersistent: false },
  },
  'close in a list': {
    text: headers(`Connection: x, CLOSE\r\n${LENGTH}`),
    read: { body: 'ok', isPersistent: false },
  },
  'close and then keep-alive': {
    text: headers(`Connection: close\r\nConnection: keep-alive\r\n${LENGTH}`),
    read: { body: 'ok', isPersistent: false },
  },
  'a word that only contains close': {
    text: headers(`Connection: x-closed\r\n${LENGTH}`),
    read: { body: 'ok' },
  },
};
