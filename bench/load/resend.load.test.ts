import type { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { decodeHistogram } from '../stats/histogram.ts';
import { closeAll, get, loopOn, reply, serveRaw } from './loop-fixture.ts';

/** Requests that meet a connection which the server closes, in the moment in which they come. */
afterEach(closeAll);

const constant = (ratePerSecond: number) => ({ model: 'open', ratePerSecond, arrivals: 'constant' }) as const;
const RIGHT = { check: (status: number) => status === 200 };

/** Replies to the first requests of each connection, and then does something else. Counts connections. */
async function serveFirst(requests: number, then: (socket: Socket) => void) {
  const seen = new Map<Socket, number>();
  const served = await serveRaw((socket, text) => {
    const before = seen.get(socket) ?? 0;
    seen.set(socket, before + 1);
    if (before < requests)
      socket.write(text.startsWith('HEAD') ? reply('').replace(': 0', ': 9') : reply('ok'));
    else then(socket);
  });
  return { ...served, connections: () => seen.size };
}

test.each(['GET', 'HEAD'])(
  '%s on a connection that is closed as it comes is sent again, once each',
  async (method) => {
    const { url, connections } = await serveFirst(1, (socket) => socket.destroy());
    const loop = loopOn(url, [get('/a', { ...RIGHT, method })], { connections: 1, resends: true });
    await loop.run(5, { model: 'closed', requests: 10 });
    // The first on each connection gets its reply.
    expect(await loop.all()).toMatchObject({
      scheduled: 10,
      sent: 10,
      ok: 10,
      resent: 9,
      connErrors: 0,
      closedIdle: 0,
    });
    expect(connections()).toBe(10);
  },
);

test.each([
  ['POST', true],
  ['GET', false],
])(
  '%s is lost where it is not sent again (resends %s), and the cause is counted',
  async (method, resends) => {
    const { url } = await serveFirst(1, (socket) => socket.destroy());
    const loop = loopOn(url, [get('/a', { ...RIGHT, method })], { connections: 1, resends });
    await loop.run(5, { model: 'closed', requests: 10 });
    expect(await loop.all()).toMatchObject({ scheduled: 10, ok: 5, resent: 0, connErrors: 5, closedIdle: 5 });
  },
);

test('a connection that was opened long before its first request counts as idle', async () => {
  const { url } = await serveFirst(0, (socket) => socket.destroy());
  const loop = loopOn(url, [get('/a', RIGHT)], { connections: 1, resends: true });
  await loop.run(0.01, constant(0.001));
  await setTimeout(120);
  await loop.run(5, { model: 'closed', requests: 1 });
  // The second connection is opened for it, and closed as well: that is not for being idle.
  expect(await loop.all()).toMatchObject({ scheduled: 1, ok: 0, resent: 1, connErrors: 1, closedIdle: 0 });
});

test('a server that closes each connection without a reply loses all, and nothing is sent again', async () => {
  const { url } = await serveFirst(0, (socket) => socket.destroy());
  const loop = loopOn(url, [get('/a', RIGHT)], { connections: 1, resends: true });
  await loop.run(5, { model: 'closed', requests: 5 });
  expect(await loop.all()).toMatchObject({ scheduled: 5, ok: 0, resent: 0, connErrors: 5, closedIdle: 0 });
});

test('a request is lost when a byte of its reply has come', async () => {
  const { url } = await serveFirst(1, (socket) => void socket.end('H'));
  const loop = loopOn(url, [get('/a', RIGHT)], { connections: 1, resends: true });
  await loop.run(5, { model: 'closed', requests: 10 });
  expect(await loop.all()).toMatchObject({ ok: 5, resent: 0, connErrors: 5, closedIdle: 0 });
});

test('the time of a request that is sent again runs from when it was due, and from when it was first sent', async () => {
  const { url } = await serveFirst(1, (socket) => void setTimeout(60).then(() => socket.destroy()));
  const loop = loopOn(url, [get('/a', RIGHT)], { connections: 1, resends: true });
  await loop.run(0.5, constant(10));
  const all = await loop.all();
  expect(all).toMatchObject({ scheduled: 5, ok: 5, resent: 4 });
  for (const times of [all.histogram, all.response]) {
    const slow = decodeHistogram(times ?? '');
    // All but the first waited for the server to close; a timer may fire a little early.
    expect(slow.getValueAtPercentile(50)).toBeGreaterThan(58_000);
  }
});

test('a request that is sent again to a server that is gone is lost', async () => {
  const { url, server } = await serveFirst(1, (socket) => {
    server.close();
    socket.destroy();
  });
  const loop = loopOn(url, [get('/a', RIGHT)], { connections: 1, resends: true });
  await loop.run(0.3, { model: 'closed' });
  const { ok, resent, completed, connErrors, scheduled } = await loop.all();
  expect({ ok, resent, completed }).toEqual({ ok: 1, resent: 1, completed: 1 });
  expect(connErrors).toBe(scheduled - 1);
});

test('the reply to HEAD has no body, whatever length or chunks it names, and its connection is kept', async () => {
  const heads = ['Content-Length: 5', 'Transfer-Encoding: chunked', 'x: y'];
  let sent = 0;
  const { url, sockets } = await serveRaw((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n${heads[sent % heads.length]}\r\n\r\n`);
    sent += 1;
  });
  const before = new Set<Socket>();
  const loop = loopOn(
    url,
    [get('/a', { method: 'HEAD', check: (status, body) => status === 200 && body === '' })],
    {
      connections: 1,
    },
  );
  await loop.run(5, { model: 'closed', requests: 2 });
  for (const socket of sockets) before.add(socket);
  await loop.run(5, { model: 'closed', requests: 28 });
  expect(await loop.all()).toMatchObject({ ok: 30, scheduled: 30 });
  expect([...sockets]).toEqual([...before]);
});
