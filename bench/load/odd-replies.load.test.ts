import { afterEach, expect, test } from 'vitest';
import { closeAll, get, loopOn, serveRaw } from './loop-fixture.ts';
import { ODD_REPLIES } from './odd-replies-fixture.ts';

/** Odd replies over real connections that stay open: each request ends at once, right or with its cause. */
afterEach(closeAll);

const RIGHT = { check: (status: number, body: string) => status === 200 && /^(?:ok|[0-9]{20})$/.test(body) };

test.each(Object.entries(ODD_REPLIES))('%s', async (_name, { text, read, refused }) => {
  const { url } = await serveRaw((socket) => void socket.write(text));
  const loop = loopOn(url, [get('/a', RIGHT)], { connections: 1, timeoutSeconds: 30 });
  const began = performance.now();
  await loop.run(5, { model: 'closed', requests: 3 });
  expect(performance.now() - began).toBeLessThan(5_000);
  const all = await loop.all();
  if (refused !== undefined) {
    expect(all).toMatchObject({ ok: 0, connErrors: 3, timeouts: 0 });
    expect(loop.failures[0]).toMatch(refused);
  } else {
    const isRight = read?.status === undefined;
    expect(all).toMatchObject({ ok: isRight ? 3 : 0, checkFailed: isRight ? 0 : 3, connErrors: 0 });
  }
});

test('a reply without a length on a connection that stays open is a timeout, which says so', async () => {
  const { url } = await serveRaw((socket) => void socket.write('HTTP/1.1 200 OK\r\nX: y\r\n\r\nok'));
  const loop = loopOn(url, [get('/a', RIGHT)], { connections: 1, timeoutSeconds: 0.2 });
  await loop.run(5, { model: 'closed', requests: 1 });
  expect(await loop.all()).toMatchObject({ ok: 0, timeouts: 1, connErrors: 0 });
  expect(loop.failures).toEqual([
    '/a 0 0.2 s passed without its end: it has no length, and the connection stays open',
  ]);
});

test('a reply behind one that ends the connection is not taken for the next', async () => {
  const closing = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok';
  const { url } = await serveRaw((socket) => {
    socket.write(closing);
    setTimeout(() => socket.write('HTTP/1.1 500 Late\r\nContent-Length: 2\r\n\r\nno'), 5);
  });
  const loop = loopOn(url, [get('/a', RIGHT)], { connections: 1 });
  await loop.run(5, { model: 'closed', requests: 5 });
  expect(await loop.all()).toMatchObject({ ok: 5, http5xx: 0, checkFailed: 0, connErrors: 0 });
});
