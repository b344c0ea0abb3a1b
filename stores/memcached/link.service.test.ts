import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { add, get, gets, RefusedError, remove, stats, swap } from './commands.ts';
import { type MemcachedFixture, startMemcachedFixture } from './fixture.ts';
import { type Link, LoginError, openLink } from './link.ts';
import { ReplyError } from './replies.ts';

const LIMITS = { connectMs: 2_000, commandMs: 300, silenceMs: 1_000 };
const HANG_GUARD_MS = 2_000;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(...extra: string[]): Promise<MemcachedFixture> {
  const server = await startMemcachedFixture(['-M', ...extra]);
  cleanups.push(server.stop);
  return server;
}

async function open(url: string, limits = LIMITS): Promise<Link> {
  const link = await openLink(url, limits);
  cleanups.push(link.close);
  return link;
}

/** A TCP server that does this with each connection; returns its URL. */
async function listen(serve: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return `memcached://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Between a link and a real server: it passes on what the server sends by so many bytes at a time. */
function proxyTo(url: string, bytes: number, delay: () => Promise<unknown>): Promise<string> {
  const { hostname: host, port } = new URL(url);
  return listen((client) => {
    const server = connect({ host, port: Number(port), noDelay: true });
    cleanups.push(() => server.destroy());
    client.setNoDelay(true);
    client.pipe(server);
    let passing = Promise.resolve();
    server.on('data', (chunk: Buffer) => {
      passing = passing.then(async () => {
        for (let at = 0; at < chunk.length; at += bytes) {
          client.write(chunk.subarray(at, at + bytes));
          await delay();
        }
      });
    });
  });
}

/** What a server replies to anything, after the greeting. */
const replying = (text: string) =>
  listen((socket) => {
    let isGreeted = false;
    socket.on('data', () => {
      socket.write(isGreeted ? text : 'VERSION 1.6.18\r\n');
      isGreeted = true;
    });
  });

describe('a link to a real server', () => {
  test('each command does what it says, and tells why it does not', async () => {
    const link = await open((await start()).url);
    expect(await get(link, 'k')).toBeUndefined();
    expect(await swap(link, 'k', 'v', 60_000, '1')).toBe('absent');
    expect(await add(link, 'k', 'one', 60_000)).toBe('stored');
    expect(await add(link, 'k', 'two', 60_000)).toBe('changed');
    const found = await gets(link, 'k');
    expect(found?.value).toBe('one');
    expect(await swap(link, 'k', 'zwölf 🦊', 'ever', found?.cas ?? '')).toBe('stored');
    expect(await swap(link, 'k', 'three', 60_000, found?.cas ?? '')).toBe('changed');
    expect(await get(link, 'k')).toBe('zwölf 🦊');
    expect(await remove(link, 'k', found?.cas)).toBe('changed');
    expect(await remove(link, 'k')).toBe('removed');
    expect(await remove(link, 'k')).toBe('absent');
    expect((await stats(link)).get('version')).toMatch(/^\d/);
    await expect(stats(link, 'nothing')).rejects.toThrow(RefusedError);
  });

  test('hundreds of commands at once: each has its own reply', async () => {
    const link = await open((await start()).url);
    const keys = Array.from({ length: 500 }, (_, index) => `key${index}`);
    const stored = await Promise.all(
      keys.map((key, index) => add(link, key, key.repeat(index % 50), 60_000)),
    );
    expect(new Set(stored)).toEqual(new Set(['stored']));
    const values = await Promise.all(keys.map((key) => get(link, key)));
    expect(values).toEqual(keys.map((key, index) => key.repeat(index % 50)));
    expect(link.sent).toBe(1001);
  });

  test.each([
    ['byte by byte', 1, () => sleep(0)],
    ['by seven bytes', 7, () => sleep(1)],
  ] as const)('replies that come %s', async (_, bytes, delay) => {
    const server = await start();
    const link = await open(await proxyTo(server.url, bytes, delay), { ...LIMITS, commandMs: 20_000 });
    const value = 'VA 2\r\nEN\r\ngrüße 🦊'.repeat(5);
    expect(await add(link, 'k', value, 60_000)).toBe('stored');
    const [whole, absent, versioned, again] = await Promise.all([
      get(link, 'k'),
      get(link, 'none'),
      gets(link, 'k'),
      add(link, 'k', 'x', 60_000),
    ]);
    expect([whole, absent, versioned?.value, again]).toEqual([value, undefined, value, 'changed']);
  });

  test('a value that is too large is refused, and what is there stays', async () => {
    const link = await open((await start()).url);
    const large = 'x'.repeat(1_048_576);
    expect(await add(link, 'k', large, 60_000)).toBe('too-large');
    expect(await add(link, 'k', 'small', 60_000)).toBe('stored');
    const { cas = '' } = (await gets(link, 'k')) ?? {};
    // The meta protocol's own command would remove the small one.
    expect(await swap(link, 'k', large, 60_000, cas)).toBe('too-large');
    expect(await gets(link, 'k')).toEqual({ value: 'small', cas });
    expect(await swap(link, 'k', 'x'.repeat(1_000_000), 60_000, cas)).toBe('stored');
    expect((await get(link, 'k'))?.length).toBe(1_000_000);
  });

  test('`ms` loses what is there where `cas` does not: the reason why it is not used', async () => {
    const link = await open((await start()).url);
    await add(link, 'k', 'small', 60_000);
    const { cas } = (await gets(link, 'k')) ?? {};
    const large = 'x'.repeat(1_048_576);
    const reply = await link.ask(`ms k ${large.length} C${cas}\r\n${large}\r\n`);
    expect(reply.rest).toMatch(/too large/);
    expect(await get(link, 'k')).toBeUndefined();
  });

  test('a full server refuses, and what is there stays', async () => {
    const link = await open((await start('-m', '2', '-o', 'no_slab_reassign,no_slab_automove')).url);
    const value = 'x'.repeat(400);
    let stored = await add(link, 'key0', value, 'ever');
    let count = 1;
    for (; stored === 'stored'; count += 1) stored = await add(link, `key${count}`, value, 'ever');
    expect(stored).toBe('full');
    expect(count).toBeGreaterThan(1000);
    const { cas = '' } = (await gets(link, 'key1')) ?? {};
    expect(await swap(link, 'key1', 'y'.repeat(400), 'ever', cas)).toBe('full');
    expect(await gets(link, 'key1')).toEqual({ value, cas });
    expect(await remove(link, 'key1')).toBe('removed');
    expect(await add(link, 'key1', value, 'ever')).toBe('stored');
  });
});

describe('a link that fails', () => {
  test('frozen: each command ends in time, late replies reach nobody else, and it works again', async () => {
    const server = await start();
    const link = await open(server.url, { ...LIMITS, silenceMs: 20_000 });
    await add(link, 'k', 'v', 60_000);
    server.pause();
    const startMs = performance.now();
    const outcomes = await Promise.allSettled([get(link, 'k'), get(link, 'none'), gets(link, 'k')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(performance.now() - startMs).toBeLessThan(HANG_GUARD_MS);
    server.resume();
    await expect.poll(() => get(link, 'k').catch(String)).toBe('v');
    expect(await get(link, 'none')).toBeUndefined();
    expect(link.ended).toBeUndefined();
  });

  test('silent: it ends', async () => {
    const server = await start();
    const link = await open(server.url);
    server.pause();
    await expect(get(link, 'k')).rejects.toThrow(/within 300 ms/);
    await link.closed;
    expect(String(link.ended)).toMatch(/within 1000 ms/);
    await expect(get(link, 'k')).rejects.toBe(link.ended);
    server.resume();
  });

  test('killed: what waits is rejected, and what comes after it at once', async () => {
    const server = await start();
    const link = await open(server.url);
    const waiting = Promise.allSettled(Array.from({ length: 50 }, () => get(link, 'k')));
    await server.kill();
    await waiting;
    await link.closed;
    await expect(get(link, 'k')).rejects.toBeInstanceOf(Error);
  });

  test.each([
    ['ERROR', 'ERROR\r\n', RefusedError],
    ['CLIENT_ERROR', 'CLIENT_ERROR bad command line format\r\n', RefusedError],
    ['SERVER_ERROR', 'SERVER_ERROR out of memory reading request\r\n', RefusedError],
    ['a reply to something else', 'STORED\r\n', ReplyError],
    ['a value without a CAS', 'VA 1 kk\r\nx\r\n', ReplyError],
    ['another protocol', 'HTTP/1.1 400 Bad Request\r\n\r\n', ReplyError],
    ['a value without its end', 'VA 1 kk c1\r\nabcdef\r\n', ReplyError],
    ['the value of another key', 'VA 1 kj c1\r\nx\r\n', ReplyError],
  ])('%s is an error, and never a miss', async (_, text, kind) => {
    const link = await open(await replying(text));
    await expect(gets(link, 'k')).rejects.toBeInstanceOf(kind);
  });

  test.each([
    ['what it has not understood', 'CLIENT_ERROR bad data chunk\r\nERROR\r\nVA 1 kb\r\nx\r\n'],
    ['the value of another key', 'VA 1 kb\r\nx\r\nVA 1 ka\r\nx\r\n'],
    ['one reply too many', 'EN\r\nEN\r\nEN\r\n'],
  ])('out of step by %s: it ends, and nobody gets the value of another key', async (_, text) => {
    const link = await open(await replying(text));
    const [first, second] = await Promise.allSettled([get(link, 'a'), get(link, 'b')]);
    for (const one of [first, second]) if (one.status === 'fulfilled') expect(one.value).toBeUndefined();
    await link.closed;
    expect(link.ended).toBeInstanceOf(Error);
    await expect(get(link, 'a')).rejects.toBe(link.ended);
  });

  test('what is not understood ends it at once: what follows would be a miss for what is there', async () => {
    const link = await open(await replying('CLIENT_ERROR bad data chunk\r\nEN\r\nEN\r\n'));
    const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((key) => get(link, key)));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  });

  test('one that accepts and never replies, and one that is not there', async () => {
    await expect(open(await listen(() => undefined))).rejects.toThrow(/within 300 ms/);
    await expect(open(await listen((socket) => socket.destroy()))).rejects.toBeInstanceOf(Error);
    await expect(open('memcached://127.0.0.1:1')).rejects.toThrow(/ECONNREFUSED/);
  });

  test('a password where none is asked for is not sent', async () => {
    const { url } = await start();
    await expect(open(url.replace('//', '//me:hunter2@'))).rejects.toBeInstanceOf(LoginError);
    expect(await get(await open(url), 'auth')).toBeUndefined();
  });
});
