/** A server that replies before it has read the request, and closes: its reply reaches the client. */

import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Cleanup,
  get,
  ok,
  RawClient,
  rawRelay,
  rawServer,
  type Script,
} from '../fixtures/raw-sockets.ts';

const cleanup: Cleanup = { undo: [] };
afterEach(async () => {
  for (const step of cleanup.undo.splice(0).reverse()) await step();
});

const BODY_BYTES = 600_000;
const READ_BYTES = 65_536;
const ROUNDS = 20;
const CLOSE = 'Connection: close\r\n';

/** Half of a request: whatever a kernel's buffers take, the server's reply comes before the request's end. */
const halfRequest = (fields = ''): string =>
  `POST / HTTP/1.1\r\nHost: h\r\n${fields}Content-Length: ${BODY_BYTES}\r\n\r\n${'x'.repeat(BODY_BYTES / 2)}`;
const TOO_LARGE = 'HTTP/1.1 413 Payload Too Large\r\n';
const sized = (lines: string): string => `${TOO_LARGE}Content-Length: 9\r\n${lines}\r\ntoo large`;

/** Answers and closes once it has read so much; a close with bytes unread is a reset. */
function refusing(reply: string): Script {
  return (socket, text) => {
    if (text.length < READ_BYTES || socket.isPaused()) return;
    socket.pause();
    socket.write(reply, () => socket.destroy());
  };
}

describe('a server that replies in mid-request and closes', () => {
  it.each([
    ['with a length', sized(CLOSE), sized(CLOSE)],
    ['with a length, as if it stayed', sized(''), sized(CLOSE)],
    [
      'with chunks',
      `${TOO_LARGE}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`,
      `${TOO_LARGE}Transfer-Encoding: chunked\r\n${CLOSE}\r\n1\r\nx\r\n0\r\n\r\n`,
    ],
  ])('%s has its reply passed on', async (_, reply, expected) => {
    const server = await rawServer(cleanup, refusing(reply));
    const { port } = await rawRelay(cleanup, [server.port]);
    for (let round = 0; round < ROUNDS; round++) {
      const client = new RawClient(cleanup, port);
      client.write(halfRequest());
      await client.wait(() => client.receivedBytes >= expected.length || client.isClosed);
      expect(client.take()).toBe(expected);
    }
  });

  it.each([
    ['nothing', ''],
    ['half a head', TOO_LARGE],
  ])('having said %s makes a 502', async (_, reply) => {
    const server = await rawServer(cleanup, (socket, text) => {
      if (reply === '' && text.length >= READ_BYTES) socket.resetAndDestroy();
      else refusing(reply)(socket, text, () => undefined);
    });
    const { port } = await rawRelay(cleanup, [server.port]);
    const client = new RawClient(cleanup, port);
    client.write(halfRequest());
    await client.wait(() => client.receivedBytes > 0 || client.isClosed);
    expect(client.take()).toMatch(/^HTTP\/1\.1 502 /);
  });

  it('on a connection that it had kept open does not harm the next request', async () => {
    const refuse = refusing(sized(CLOSE));
    const server = await rawServer(cleanup, (socket, text, take) => {
      if (text.startsWith('POST')) return refuse(socket, text, take);
      take();
      socket.write(ok('END'));
    });
    const { port } = await rawRelay(cleanup, [server.port]);
    for (let round = 0; round < ROUNDS; round++) {
      const client = new RawClient(cleanup, port);
      client.write(get('/'));
      expect(await client.until('END')).toBe(ok('END'));
      client.write(halfRequest());
      expect(await client.until('too large')).toContain(TOO_LARGE);
    }
  });
});

it('passes on the 413 of a fastify server with a body limit', async () => {
  const app = fastify({ bodyLimit: 512 * 1_024 });
  app.post('/', () => 'unexpected');
  await app.listen({ host: '127.0.0.1', port: 0 });
  cleanup.undo.push(() => app.close());
  const { port } = await rawRelay(cleanup, [(app.server.address() as AddressInfo).port]);
  for (let round = 0; round < ROUNDS; round++) {
    const client = new RawClient(cleanup, port);
    client.write(halfRequest('Content-Type: application/json\r\n'));
    const reply = await client.until('}');
    expect(reply).toContain(TOO_LARGE);
    expect(reply).toContain(CLOSE);
  }
});
