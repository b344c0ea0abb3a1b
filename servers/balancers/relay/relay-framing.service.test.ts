/** What the relay passes on, byte for byte, over real sockets. */

import { afterEach, describe, expect, it } from 'vitest';
import {
  answering,
  behindRelay,
  type Cleanup,
  get,
  ok,
  PATIENTLY,
  RawClient,
  rawRelay,
  rawServer,
} from '../fixtures/raw-sockets.ts';

const cleanup: Cleanup = { undo: [] };
afterEach(async () => {
  for (const step of cleanup.undo.splice(0).reverse()) await step();
});

const behind = (reply: (request: string) => string) => behindRelay(cleanup, answering(reply));
const path = (request: string): string => request.split(' ')[1] ?? '';
const HEAD_REPLY = 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n';
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('replies', () => {
  it.each([
    ['a length', ok('hello', 'X-A: \xe9\r\n')],
    ['an empty body', ok('')],
    [
      'chunks, extensions and trailers',
      `${CHUNKED}5;a=b\r\nhello\r\n00A\r\n0123\r\n\r\n\r\n\r\n0\r\nSum: 1\r\n\r\n`,
    ],
    ['204', 'HTTP/1.1 204 No Content\r\nX: y\r\n\r\n'],
    [
      '304 with the length of what it does not send',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
    ],
  ])('with %s come unchanged, and both connections go on', async (_, reply) => {
    const { client, server } = await behind((request) => (path(request) === '/end' ? ok('END') : reply));
    client.write(get('/'));
    expect(await client.until(reply.slice(-8))).toBe(reply);
    client.write(get('/end'));
    expect(await client.until('END')).toBe(ok('END'));
    expect(server.received).toEqual([get('/') + get('/end')]);
  });

  it('to HEAD have no body, whatever their length', async () => {
    const { client } = await behind((request) => (request.startsWith('HEAD') ? HEAD_REPLY : ok('END')));
    client.write(get('/', '', 'HEAD') + get('/end'));
    expect(await client.until('END')).toBe(`${HEAD_REPLY}${ok('END')}`);
  });

  it('without a length end with the connection, and say so', async () => {
    const server = await rawServer(cleanup, (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nall there is'));
    const client = new RawClient(cleanup, (await rawRelay(cleanup, [server.port])).port);
    client.write(get('/'));
    expect(await client.untilClosed()).toBe('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall there is');
  });

  it('of HTTP/1.0 become 1.1, as the connection to the client is', async () => {
    const { client, server } = await behind(() => ok('hello').replace('HTTP/1.1', 'HTTP/1.0'));
    for (let n = 0; n < 2; n++) {
      client.write(get('/'));
      expect(await client.until('hello')).toBe(ok('hello'));
    }
    expect(server.sockets).toHaveLength(2);
  });

  it('lose the fields of the inner hop', async () => {
    const lines = 'Connection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nX-End: 2\r\n';
    const { client } = await behind(() => ok('hello', lines));
    client.write(get('/'));
    expect(await client.until('hello')).toBe(ok('hello', 'X-End: 2\r\n'));
  });

  it('may be preceded by interim ones', async () => {
    const hints = 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n';
    const { client } = await behind(() => `${hints}${hints}${ok('hello')}`);
    client.write(get('/'));
    expect(await client.until('hello')).toBe(`${hints}${hints}${ok('hello')}`);
  });

  it.each([
    ['two ways of framing', `${CHUNKED.replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\n')}0\r\n\r\n`],
    ['two lengths', ok('hello', 'Content-Length: 6\r\n')],
    ['an unknown encoding', CHUNKED.replace('chunked', 'gzip, chunked')],
    ['an unrequested upgrade', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
    ['a bad chunk', `${CHUNKED}5 \r\nhello\r\n0\r\n\r\n`],
    ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'],
    ['something else than HTTP', 'SSH-2.0-x\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}`],
  ])('with %s become 502', async (_, reply) => {
    const { client } = await behind(() => reply);
    client.write(get('/'));
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 502 /);
  });

  it('never reply to a later request with surplus bytes', async () => {
    const { client, server } = await behind((request) =>
      path(request) === '/2' ? ok('END') : `${ok('hello')}${ok('EVIL')}`,
    );
    client.write(get('/1'));
    expect(await client.until('hello')).toBe(ok('hello'));
    client.write(get('/2'));
    expect(await client.until('END')).toBe(ok('END'));
    expect(server.sockets).toHaveLength(2);
  });
});

describe('requests', () => {
  it('lose the fields of the outer hop', async () => {
    const { client, server } = await behind(() => ok('hello'));
    client.write(
      get(
        '/',
        'Connection: close, X-Hop\r\nKeep-Alive: 5\r\nTE: trailers\r\nUpgrade: h2c\r\nX-Hop: 1\r\nX: 2\r\n',
      ),
    );
    expect(await client.untilClosed()).toBe(ok('hello', 'Connection: close\r\n'));
    expect(server.received).toEqual([get('/', 'X: 2\r\n')]);
  });

  it('of a client that closes leave the connection to the server open for the next', async () => {
    const { client, server, relay } = await behind(() => ok('hello'));
    client.write(get('/', 'Connection: close\r\n'));
    await client.untilClosed();
    const other = new RawClient(cleanup, relay.port);
    other.write(get('/'));
    await other.until('hello');
    expect(server.sockets).toHaveLength(1);
  });

  it('go to a new connection when the server closes its own', async () => {
    const { client, server } = await behind(() => ok('hello', 'Connection: close\r\n'));
    for (let n = 0; n < 2; n++) {
      client.write(get('/'));
      expect(await client.until('hello')).toBe(ok('hello'));
    }
    expect(server.sockets).toHaveLength(2);
  });

  it.each([
    ['', 'Connection: close\r\n', true],
    ['Connection: keep-alive\r\n', 'Connection: keep-alive\r\n', false],
  ])('of HTTP/1.0 with %j are answered with %j', async (line, expected, closes) => {
    const { client } = await behind(() => ok('hello'));
    client.write(`GET / HTTP/1.0\r\n${line}\r\n`);
    const reply = closes ? await client.untilClosed() : await client.until('hello');
    expect(reply).toBe(ok('hello', expected));
  });

  it('of HTTP/1.0 never get chunks', async () => {
    const { client } = await behind(() => `${CHUNKED}0\r\n\r\n`);
    client.write('GET / HTTP/1.0\r\n\r\n');
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 502 /);
  });

  it('that expect 100-continue get it from the server', async () => {
    const head = 'POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n';
    const server = await rawServer(cleanup, (socket, text) => {
      if (text === head) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      if (text === `${head}body`) socket.write(ok('hello'));
    });
    const client = new RawClient(cleanup, (await rawRelay(cleanup, [server.port])).port);
    client.write(head);
    expect(await client.until('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.write('body');
    expect(await client.until('hello')).toBe(ok('hello'));
  });

  it('that are answered before they end close the connection on both sides', async () => {
    const { client, server } = await behind(() => ok('too much'));
    client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nx');
    expect(await client.untilClosed()).toBe(ok('too much', 'Connection: close\r\n'));
    await expect.poll(() => server.sockets[0]?.destroyed, PATIENTLY).toBe(true);
  });

  it.each([
    [
      'both lengths',
      'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['a bare LF, waiting for more', 'GET / HTTP/1.1\nHost: h\n\n', 400],
    [
      'a smuggled prefix behind chunks',
      `POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nG`.replace('0\r\nG', '0 \r\nG'),
      400,
    ],
    ['a head of over 16 KB', get('/', `X: ${'x'.repeat(17_000)}\r\n`), 431],
    ['a head without end', `GET / HTTP/1.1\r\nX: ${'x'.repeat(17_000)}`, 431],
    ['a tunnel', get('h:1', '', 'CONNECT'), 405],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
  ])('with %s never reach the server', async (_, text, status) => {
    const { client, server } = await behind(() => ok('hello'));
    client.write(text);
    expect(await client.untilClosed()).toMatch(
      new RegExp(`^HTTP/1\\.1 ${status} .*Connection: close\r\n`, 's'),
    );
    expect(server.received).toEqual([]);
  });

  it('with a bad chunk later on are cut off, and the connection to the server with them', async () => {
    const server = await rawServer(cleanup, () => undefined);
    const client = new RawClient(cleanup, (await rawRelay(cleanup, [server.port])).port);
    client.write('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n');
    await expect.poll(() => server.received[0], PATIENTLY).toMatch(/x\r\n$/);
    client.write('zz\r\n');
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 400 /);
    await expect.poll(() => server.sockets[0]?.destroyed, PATIENTLY).toBe(true);
    expect(server.received[0]).not.toContain('zz');
  });
});
