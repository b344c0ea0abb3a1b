import { afterEach, describe, expect, test } from 'vitest';
import { decodeHistogram, summarize } from '../stats/histogram.ts';
import { closeAll, get, loopOn, reply, serveHttp, serveRaw, until } from './loop-fixture.ts';

/** The closed loop against real servers that behave and that misbehave. */
afterEach(closeAll);

const CLOSED = { model: 'closed' } as const;
const pathOf = (request: string) => request.split(' ')[1] ?? '';

describe('accounting', () => {
  test('each reply is checked against its own request, over slices whose sum is taken', async () => {
    const { url } = await serveHttp((path, response) => response.end(path));
    const loop = loopOn(url, [get('/a'), get('/b'), get('/c')]);
    const slices = [await loop.run(0.1, CLOSED), await loop.run(0.1, CLOSED)];
    const all = await loop.all();
    expect(loop.failures).toEqual([]);
    expect(all.ok).toBe(all.scheduled);
    for (const key of ['scheduled', 'completed', 'ok'] as const) {
      expect(all[key]).toBe(slices.reduce((sum, slice) => sum + slice[key], 0));
    }
    expect(all.sent).toBe(decodeHistogram(all.histogram).totalCount);
    expect(all.response).toBeUndefined();
    expect(loop.take().seconds).toBe(0);
    expect((await loop.all()).scheduled).toBe(0);
  });

  test('time runs from the first send to the last reply', async () => {
    const { url } = await serveHttp((path, response) => void setTimeout(() => response.end(path), 150));
    const loop = loopOn(url, [get('/a')]);
    const { seconds, scheduled } = await loop.run(0.01, CLOSED);
    expect(scheduled).toBe(3);
    expect(seconds).toBeGreaterThan(0.149);
    expect(summarize(decodeHistogram((await loop.all()).histogram)).min).toBeGreaterThan(149_000);
  });

  test('a wrong body, a 4xx and a 5xx are distinguished', async () => {
    const { url } = await serveHttp((path, response) => {
      response.statusCode = path === '/4' ? 401 : path === '/5' ? 503 : 200;
      response.end(path === '/wrong' ? 'another user' : path);
    });
    const loop = loopOn(url, [get('/ok'), get('/wrong'), get('/4'), get('/5')]);
    await loop.run(0.1, CLOSED);
    const all = await loop.all();
    for (const count of [all.ok, all.checkFailed, all.http4xx, all.http5xx]) expect(count).toBeGreaterThan(0);
    expect(all.unauthorized).toBe(all.http4xx);
    expect(loop.failures).toContain('/wrong 200 another user');
  });

  test.each([
    ['body', (path: string, count: number) => reply(count === 50 ? path.toUpperCase() : path)],
    ['status', (path: string, count: number) => reply(path, `HTTP/1.1 ${count === 50 ? 203 : 200} OK`)],
  ])('one wrong %s among many equal replies is counted', async (_, replyOf) => {
    let count = 0;
    const { url } = await serveRaw((socket, request) => {
      count += 1;
      socket.write(replyOf(pathOf(request), count));
    });
    const loop = loopOn(url, [get('/a', { isPure: true })], { connections: 1 });
    await loop.run(0.2, CLOSED);
    const all = await loop.all();
    expect(loop.failures).toHaveLength(1);
    expect([all.checkFailed, all.ok]).toEqual([1, all.scheduled - 1]);
    expect(decodeHistogram(all.histogram).totalCount).toBe(all.scheduled);
  });

  test('a pure request is checked once for each different reply, another one each time', async () => {
    const { url } = await serveRaw((socket, request) => socket.write(reply(pathOf(request))));
    const checks = { pure: 0, other: 0 };
    const counted = (kind: keyof typeof checks) => () => {
      checks[kind] += 1;
      return true;
    };
    const loop = loopOn(
      url,
      [get('/a', { isPure: true, check: counted('pure') }), get('/b', { check: counted('other') })],
      { connections: 1 },
    );
    await loop.run(0.1, CLOSED);
    const all = await loop.all();
    expect(checks.pure).toBe(1);
    expect(checks.other).toBeGreaterThan(1);
    expect(all.ok).toBe(all.scheduled);
    expect(all.responseBytes).toBe(all.completed * reply('/a').length);
  });

  test('replies in pieces, and those with bytes beyond them, are judged as ever after an equal one', async () => {
    let count = 0;
    const { url } = await serveRaw((socket, request) => {
      count += 1;
      const text = reply(pathOf(request));
      socket.setNoDelay();
      if (count === 8) return void socket.write(`${text}more`);
      if (count % 2 === 0) return void socket.write(text);
      socket.write(text.slice(0, 10));
      setTimeout(() => socket.write(text.slice(10)), 2);
    });
    const loop = loopOn(url, [get('/a', { isPure: true })], { connections: 1 });
    await loop.run(0.2, CLOSED);
    const all = await loop.all();
    expect(loop.failures).toEqual(['/a 200 /a and bytes beyond it']);
    expect(all.ok).toBe(all.scheduled - 1);
  });

  test('operations are counted apart, and what a mix renews is renewed on each send', async () => {
    const tokens: string[] = [];
    let renewed = 0;
    const { url } = await serveHttp((path, response) => {
      response.setHeader('x-token', 't');
      response.end(path);
    });
    const login = get('/login', {
      operation: 'login',
      onReply: (headers) => tokens.push(headers()[headers().indexOf('x-token') + 1] ?? ''),
    });
    const logout = get('/logout', { operation: 'logout', renew: () => ({ cookie: `n=${renewed++}` }) });
    const loop = loopOn(url, [login, logout]);
    await loop.run(0.1, CLOSED);
    const operations = await loop.results();
    expect(operations.map((one) => one.operation)).toEqual(['all', 'login', 'logout']);
    expect(tokens).toEqual(Array(operations[1]?.ok).fill('t'));
    expect(renewed).toBe(operations[2]?.sent);
  });
});

describe('connections', () => {
  test('are kept from slice to slice, and those lost between slices are replaced without an error', async () => {
    const seen = new Set<unknown>();
    const { url, sockets } = await serveRaw((socket, request) => {
      seen.add(socket);
      socket.write(reply(pathOf(request)));
    });
    const loop = loopOn(url, [get('/a')]);
    await loop.run(0.05, CLOSED);
    await loop.run(0.05, CLOSED);
    expect(seen.size).toBe(3);
    for (const socket of sockets) socket.destroy();
    await until(() => sockets.size === 0);
    await loop.run(0.05, CLOSED);
    expect(seen.size).toBe(6);
    const all = await loop.all();
    expect([all.connErrors, all.ok]).toEqual([0, all.scheduled]);
  });

  test('that the server closes with its replies are replaced, and nothing is lost', async () => {
    const { url } = await serveHttp((path, response) => response.setHeader('connection', 'close').end(path));
    const loop = loopOn(url, [get('/a'), get('/b')]);
    await loop.run(0.2, CLOSED);
    const all = await loop.all();
    expect(all.ok).toBe(all.scheduled);
    expect(all.ok).toBeGreaterThan(3);
  });

  test.each([
    ['without a reply', (path: string) => (path === '/drop' ? '' : reply(path))],
    ['in the middle of a head', () => 'HTTP/1.1 200 OK\r\nContent-'],
    ['in the middle of a body', () => reply('/drop').slice(0, -1)],
  ])('that end %s are errors, and no later reply is counted for their requests', async (_name, answer) => {
    const { url } = await serveRaw((socket, request) => {
      const path = pathOf(request);
      if (path === '/drop') socket.end(answer(path));
      else socket.write(reply(path));
    });
    const loop = loopOn(url, [get('/a'), get('/drop'), get('/b')]);
    await loop.run(0.2, CLOSED);
    const all = await loop.all();
    expect(all.connErrors).toBeGreaterThan(0);
    expect(all.ok).toBeGreaterThan(0);
    expect([all.checkFailed, loop.failures]).toEqual([0, []]);
  });

  test('a body that ends with its connection is whole', async () => {
    const { url } = await serveRaw((socket, request) =>
      socket.end(`HTTP/1.1 200 OK\r\n\r\n${pathOf(request)}`),
    );
    const loop = loopOn(url, [get('/a'), get('/b')]);
    await loop.run(0.1, CLOSED);
    const all = await loop.all();
    expect([all.ok, all.connErrors]).toEqual([all.scheduled, 0]);
  });

  test('more than one reply to one request makes it wrong', async () => {
    const { url } = await serveRaw((socket, request) => socket.write(reply(pathOf(request)).repeat(2)));
    const loop = loopOn(url, [get('/a')]);
    await loop.run(0.1, CLOSED);
    const all = await loop.all();
    expect([all.ok, all.checkFailed]).toEqual([0, all.scheduled]);
  });

  test('what is not HTTP is an error, reported with what came', async () => {
    const { url } = await serveRaw((socket) => socket.write('+PONG\r\n'));
    const loop = loopOn(url, [get('/a')]);
    await loop.run(0.1, CLOSED);
    const all = await loop.all();
    expect(all.connErrors).toBe(all.scheduled);
    expect(loop.failures[0]).toContain('/a 0 ');
  });

  test('an interim reply is none', async () => {
    const { url } = await serveRaw((socket, request) => {
      socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      setTimeout(() => socket.write(reply(pathOf(request))), 5);
    });
    const loop = loopOn(url, [get('/a'), get('/b')]);
    await loop.run(0.1, CLOSED);
    const all = await loop.all();
    expect(all.ok).toBe(all.scheduled);
  });

  test('unsolicited bytes on an idle connection count for no request', async () => {
    const { url, sockets } = await serveRaw((socket, request) => socket.write(reply(pathOf(request))));
    const loop = loopOn(url, [get('/a')]);
    await loop.run(0.05, CLOSED);
    for (const socket of sockets) socket.end(reply('', 'HTTP/1.1 408 Request Timeout'));
    await until(() => sockets.size === 0);
    await loop.run(0.05, CLOSED);
    const all = await loop.all();
    expect(all.ok).toBe(all.scheduled);
  });
});

describe('an end', () => {
  test('no reply in time counts as such, and the connection is not used again', async () => {
    let silent = 0;
    const { url } = await serveRaw((socket, request) => {
      if (pathOf(request) === '/never') {
        silent += 1;
        setTimeout(() => socket.write(reply('/never')), 400);
      } else socket.write(reply(pathOf(request)));
    });
    const loop = loopOn(url, [get('/a'), get('/never'), get('/b')], { timeoutSeconds: 0.2 });
    await loop.run(0.5, CLOSED);
    const all = await loop.all();
    expect(all.timeouts).toBe(silent);
    expect(all.timeouts).toBeGreaterThan(0);
    expect([all.ok, all.checkFailed]).toEqual([all.completed, 0]);
  });

  test('a list that is sent once ends the slice with its last reply, and a new one continues', async () => {
    const seen: string[] = [];
    const { url } = await serveHttp((path, response) => {
      seen.push(path);
      response.end(path);
    });
    const loop = loopOn(url, [get('/1'), get('/2')], { isSentOnce: true });
    const { seconds, ok } = await loop.run(30, CLOSED);
    expect(ok).toBe(6);
    expect(seconds).toBeLessThan(10);
    expect((await loop.run(30, CLOSED)).scheduled).toBe(0);
    loop.replan(Array.from({ length: 3 }, () => ({ requests: [get('/3')], isSentOnce: true })));
    expect((await loop.run(30, CLOSED)).ok).toBe(3);
    expect(seen.slice(6)).toEqual(['/3', '/3', '/3']);
    expect((await loop.all()).ok).toBe(9);
  });

  test('a closed port: the first slice says so', async () => {
    const { url, server } = await serveRaw(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    await expect(loopOn(url, [get('/a')]).run(0.1, CLOSED)).rejects.toThrow(new URL(url).host);
  });

  test('a server that goes away is errors in this slice and in the next, and both end', async () => {
    const { url, sockets, server } = await serveRaw((socket, request) =>
      socket.write(reply(pathOf(request))),
    );
    const loop = loopOn(url, [get('/a')]);
    const slice = loop.run(0.4, CLOSED);
    setTimeout(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    }, 150);
    await slice;
    const first = await loop.all();
    expect(first.ok).toBeGreaterThan(0);
    expect(first.connErrors).toBeGreaterThan(0);
    await loop.run(0.2, CLOSED);
    const second = await loop.all();
    expect(second.ok).toBe(0);
    expect(second.connErrors).toBeGreaterThan(0);
  });
});
