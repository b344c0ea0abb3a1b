/** What the relay does when a server or a client fails it, over real sockets. */

import { setTimeout as sleep } from 'node:timers/promises';
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
  type Script,
} from '../fixtures/raw-sockets.ts';

const cleanup: Cleanup = { undo: [] };
afterEach(async () => {
  for (const step of cleanup.undo.splice(0).reverse()) await step();
});

const POST = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nxx';
const status = (reply: string): number => Number(reply.split(' ')[1]);
const named = (name: string): Script => answering(() => ok(`<${name}>`));

const behind = (script: Script) => behindRelay(cleanup, script);

describe('a server that dies', () => {
  it.each([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'],
    ['with chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf'],
  ])('in mid-reply %s cuts the client', async (_, part) => {
    const { client } = await behind((socket) => socket.end(part));
    client.write(get('/') + get('/next'));
    // The end is missing, and nothing stands in its place.
    expect(part.startsWith(await client.untilClosed())).toBe(true);
  });

  it('in mid-reply without a length is distinguished from its end', async () => {
    const { client, server } = await behind((socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nhalf'));
    let code: string | undefined;
    client.socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    client.write(get('/'));
    await client.until('half');
    server.sockets[0]?.resetAndDestroy();
    await client.untilClosed();
    expect(code).toBe('ECONNRESET');
  });

  it.each([
    ['a GET on a new connection', get('/')],
    ['a POST on a new connection', POST],
  ])('before it answers %s makes a 502, and the request is not sent again', async (_, request) => {
    const { client, server } = await behind((socket) => socket.destroy());
    client.write(request);
    expect(status(await client.untilClosed())).toBe(502);
    expect(server.received).toEqual([request]);
  });

  it.each([
    ['GET', get('/2'), 200, 3],
    ['HEAD', get('/2', '', 'HEAD'), 200, 3],
    ['POST', POST, 502, 2],
    ['DELETE', get('/2', '', 'DELETE'), 502, 2],
  ])(
    'on an idle connection as a %s arrives: replayed at most once, if it is safe',
    async (method, request, expected, sent) => {
      let count = 0;
      const { client, server } = await behind((socket) => {
        count++;
        if (count === 2) socket.destroy();
        else socket.write(method === 'HEAD' && count === 3 ? ok('END').replace('END', '') : ok('END'));
      });
      client.write(get('/1'));
      await client.until('END');
      client.write(request);
      await client.wait(() => client.receivedBytes > ok('END').length + 10);
      await sleep(20);
      expect(status(client.take())).toBe(expected);
      expect(count).toBe(sent);
      expect(server.received.join('').split(request)).toHaveLength(sent);
    },
  );

  it('twice over makes a 502 also of a GET', async () => {
    let count = 0;
    const { client } = await behind((socket) => (++count === 1 ? socket.write(ok('END')) : socket.destroy()));
    client.write(get('/1'));
    await client.until('END');
    client.write(get('/2'));
    expect(status(await client.untilClosed())).toBe(502);
    expect(count).toBe(3);
  });
});

describe('a server that refuses', () => {
  it.each([
    ['GET', get('/')],
    ['POST', POST],
  ])('leaves its %s to the others, and is not asked again', async (_, request) => {
    const [dead, live] = [await rawServer(cleanup, named('s1')), await rawServer(cleanup, named('s2'))];
    await dead.stop();
    const { port } = await rawRelay(cleanup, [dead.port, live.port]);
    const client = new RawClient(cleanup, port);
    for (let n = 0; n < 4; n++) {
      client.write(request);
      expect(await client.until('<s2>')).toBe(ok('<s2>'));
    }
    expect(live.received.join('')).toBe(request.repeat(4));
  });

  it('holds a long body back until another takes it whole', async () => {
    const [dead, live] = [
      await rawServer(cleanup, () => undefined),
      await rawServer(cleanup, (socket, text) => {
        if (text.endsWith('END')) socket.write(ok('<s2>'));
      }),
    ];
    await dead.stop();
    const { port } = await rawRelay(cleanup, [dead.port, live.port]);
    const client = new RawClient(cleanup, port);
    const request = `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 500003\r\n\r\n${'x'.repeat(500_000)}END`;
    client.write(request);
    expect(await client.until('<s2>')).toBe(ok('<s2>'));
    expect(live.received).toEqual([request]);
  });

  it('like all others makes a 503; when it is back a probe finds it', async () => {
    const first = await rawServer(cleanup, named('s1'));
    const { port } = await rawRelay(cleanup, [first.port], { probeIntervalMs: 20 });
    await first.stop();
    const client = new RawClient(cleanup, port);
    client.write(get('/'));
    expect(status(await client.untilClosed())).toBe(503);
    await rawServer(cleanup, named('again'), first.port);
    await expect
      .poll(async () => {
        const later = new RawClient(cleanup, port);
        later.write(get('/', 'Connection: close\r\n'));
        return later.untilClosed();
      }, PATIENTLY)
      .toContain('<again>');
  });
});

describe('a client that goes', () => {
  it.each<[string, string, (client: RawClient) => void]>([
    ['in mid-request, by FIN', POST.slice(0, -1), (client) => client.socket.end()],
    ['in mid-request, by reset', POST.slice(0, -1), (client) => client.socket.resetAndDestroy()],
    ['before the reply, by reset', get('/'), (client) => client.socket.resetAndDestroy()],
  ])('%s takes its connection to the server with it', async (_, request, go) => {
    const { client, server, relay } = await behind((socket, text) => {
      if (text.startsWith('GET /other')) socket.write(ok('END'));
    });
    client.write(request);
    await expect.poll(() => server.received[0], PATIENTLY).toBe(request);
    go(client);
    await expect.poll(() => server.sockets[0]?.destroyed, PATIENTLY).toBe(true);
    const other = new RawClient(cleanup, relay.port);
    other.write(get('/other'));
    expect(await other.until('END')).toBe(ok('END'));
    expect(server.sockets).toHaveLength(2);
  });

  it('in mid-reply does too', async () => {
    const { client, server } = await behind((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n${'x'.repeat(30_000_000)}`);
    });
    client.write(get('/'));
    await client.wait(() => client.receivedBytes > 0);
    client.socket.destroy();
    await expect.poll(() => server.sockets[0]?.destroyed, PATIENTLY).toBe(true);
  });

  it('only with its sending half still gets its replies', async () => {
    const { client } = await behind((socket, text, take) => {
      take();
      void sleep(30).then(() => socket.write(ok(text.startsWith('GET /2') ? 'END' : 'one')));
    });
    client.socket.end(get('/1') + get('/2'));
    expect(await client.untilClosed()).toBe(ok('one') + ok('END'));
  });
});

describe('whose turn it is', () => {
  it('alternates strictly over all connections', async () => {
    const servers = await Promise.all(['s1', 's2', 's3'].map((name) => rawServer(cleanup, named(name))));
    const relay = await rawRelay(
      cleanup,
      servers.map(({ port }) => port),
    );
    const clients = Array.from({ length: 4 }, () => new RawClient(cleanup, relay.port));
    const order: string[] = [];
    for (let n = 0; n < 24; n++) {
      const client = clients[(n * 7) % 4] as RawClient;
      client.write(get('/'));
      order.push((await client.until('>')).slice(-3, -1));
    }
    expect(order.join(' ')).toBe('s1 s2 s3 '.repeat(8).trim());
  });

  it('is asked of the cookie when sticky, which is set only when it says nothing', async () => {
    const [first, second] = [await rawServer(cleanup, named('s1')), await rawServer(cleanup, named('s2'))];
    const relay = await rawRelay(cleanup, [first.port, second.port], {}, 'sticky');
    const client = new RawClient(cleanup, relay.port);
    const ask = async (cookie: string): Promise<string> => {
      client.write(get('/', cookie && `Cookie: ${cookie}\r\n`));
      return client.until('>');
    };
    const handsOut = (id: string): string => ok(`<${id}>`, `Set-Cookie: lb=${id}; Path=/; HttpOnly\r\n`);
    expect(await ask('')).toBe(handsOut('s1'));
    expect(await ask('')).toBe(handsOut('s2'));
    for (let n = 0; n < 3; n++) expect(await ask('a=b; lb=s2')).toBe(ok('<s2>'));
    expect(await ask('lb=s9')).toBe(handsOut('s1'));
    await first.stop();
    expect(await ask('lb=s1')).toBe(handsOut('s2'));
  });
});
