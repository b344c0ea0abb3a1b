/** Many messages on one connection, in many pieces, and large ones: over real sockets. */

import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  answering,
  behindRelay,
  type Cleanup,
  get,
  ok,
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
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('pipelining', () => {
  it('replies in order and never mixes users', async () => {
    const servers = await Promise.all(
      [7, 1, 3].map((delayMs) =>
        rawServer(cleanup, (socket, text, take) => {
          take();
          void sleep(delayMs).then(() => socket.write(ok(`${path(text)};`)));
        }),
      ),
    );
    const relay = await rawRelay(
      cleanup,
      servers.map(({ port }) => port),
    );
    const users = Array.from({ length: 5 }, (_, user) => ({
      user,
      client: new RawClient(cleanup, relay.port),
    }));
    const count = 20;
    const paths = (user: number): string[] => Array.from({ length: count }, (_, n) => `/${user}/${n}`);
    for (const { user, client } of users)
      client.write(
        paths(user)
          .map((p) => get(p))
          .join(''),
      );
    for (const { user, client } of users) {
      const expected = paths(user).map((p) => ok(`${p};`));
      expect(await client.until(`/${user}/${count - 1};`)).toBe(expected.join(''));
    }
  });

  it('gives the same replies however requests and replies are split', async () => {
    const requests = [
      get('/a'),
      'POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello',
      '\r\nPOST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: u\r\n\r\n',
      get('/d', '', 'HEAD'),
      get('/e', 'Connection: keep-alive\r\n'),
    ];
    const replies = [
      ok('A'),
      `${CHUNKED}1\r\nB\r\n0\r\n\r\n`,
      'HTTP/1.1 204 No Content\r\n\r\n',
      ok('DDD'),
      ok('END'),
    ];
    const server = await rawServer(cleanup, (socket, text, take) => {
      if (
        !/(\r\n\r\n|\r\n\r\nhello)$/.test(text) ||
        /^POST \/b.*\r\n\r\n$/s.test(text) ||
        /^POST \/c.*chunked\r\n\r\n$/s.test(text)
      )
        return;
      take();
      const reply = replies['abcde'.indexOf(path(text)[1] ?? '')] ?? 'unexpected';
      void (async () => {
        const bytes = text.startsWith('HEAD') ? reply.slice(0, -3) : reply;
        for (const byte of bytes) {
          socket.write(byte, 'latin1');
          await new Promise(setImmediate);
        }
      })();
    });
    const relay = await rawRelay(cleanup, [server.port]);
    const expected = replies.map((reply, n) => (n === 3 ? reply.slice(0, -3) : reply)).join('');
    const stream = requests.join('');
    const bytewise = new RawClient(cleanup, relay.port);
    await bytewise.writeBytewise(stream);
    expect(await bytewise.until('END')).toBe(expected);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(stream.length), { maxLength: 8 }), async (places) => {
        const cuts = [0, ...places.sort((a, b) => a - b), stream.length];
        const client = new RawClient(cleanup, relay.port);
        for (const [n, cut] of cuts.slice(1).entries()) {
          client.write(stream.slice(cuts[n], cut));
          await new Promise(setImmediate);
        }
        expect(await client.until('END')).toBe(expected);
        client.socket.destroy();
      }),
      { numRuns: 25 },
    );
  });
});

describe('large bodies', () => {
  /** Most that the relay itself may hold; what it really holds is some hundred kilobytes. */
  const RELAY_BYTES = 4_000_000;
  // More than the kernel and the relay hold together, whatever this machine's buffers are.
  const BODY = 'x'.repeat(kernelBytes() + 2 * RELAY_BYTES);

  it('wait for a client that does not read', async () => {
    const { client, server } = await behind(() => ok(`${BODY}END`));
    client.write(get('/'));
    await client.wait(() => client.receivedBytes > 0);
    client.socket.pause();
    await sleep(500);
    // What the kernel and the relay hold is bounded: the rest still waits in the server.
    expect(server.sockets[0]?.writableLength).toBeGreaterThan(RELAY_BYTES);
    client.socket.resume();
    expect((await client.until('END')).length).toBe(ok(`${BODY}END`).length);
  });

  it('wait for a server that does not read', async () => {
    const request = `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
    let receivedBytes = 0;
    let waitingBytes = 0;
    const server = await rawServer(cleanup, (socket, text, take) => {
      take();
      if (receivedBytes === 0) {
        socket.pause();
        void sleep(500).then(() => {
          waitingBytes = client.socket.writableLength;
          socket.resume();
        });
      }
      receivedBytes += text.length;
      if (receivedBytes === request.length) socket.write(ok('hello'));
    });
    const client = new RawClient(cleanup, (await rawRelay(cleanup, [server.port])).port);
    client.write(request);
    expect(await client.until('hello')).toBe(ok('hello'));
    expect(waitingBytes).toBeGreaterThan(RELAY_BYTES);
  });
});

/** Most that the kernel buffers on two hops, of each a sender and a receiver, by its own limits (tcp(7)). */
function kernelBytes(): number {
  const most = (name: string) => {
    const path = `/proc/sys/net/ipv4/${name}`;
    return existsSync(path) ? Number(readFileSync(path, 'utf8').trim().split(/\s+/)[2]) : 8 * 2 ** 20;
  };
  return 2 * (most('tcp_wmem') + most('tcp_rmem'));
}
