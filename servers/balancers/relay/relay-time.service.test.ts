/** How long the relay waits for whom, and how it leaves, over real sockets. */

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
  type Script,
} from '../fixtures/raw-sockets.ts';
import type { RelayTimeouts } from './plan.ts';

const cleanup: Cleanup = { undo: [] };
afterEach(async () => {
  for (const step of cleanup.undo.splice(0).reverse()) await step();
});

const status = (reply: string): number => Number(reply.split(' ')[1]);
const named = (name: string): Script => answering(() => ok(`<${name}>`));

const behind = (script: Script, timeouts: Partial<RelayTimeouts> = {}) =>
  behindRelay(cleanup, script, timeouts);

describe('time', () => {
  it('runs out for a server that does not reply: 504', async () => {
    const { client, server } = await behind(() => undefined, { serverMs: 60 });
    client.write(get('/'));
    expect(status(await client.untilClosed())).toBe(504);
    await expect.poll(() => server.sockets[0]?.destroyed, PATIENTLY).toBe(true);
  });

  it('runs out for a server that stops in mid-reply: cut', async () => {
    const part = 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf';
    const { client } = await behind((socket) => socket.write(part), { serverMs: 60 });
    client.write(get('/'));
    expect(part.startsWith(await client.untilClosed())).toBe(true);
  });

  it('does not run out while bytes keep coming', async () => {
    const { client } = await behind(
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n');
        void (async () => {
          for (const byte of '0123456END') {
            await sleep(200);
            socket.write(byte);
          }
        })();
      },
      { serverMs: 1_500 },
    );
    client.write(get('/'));
    expect(await client.until('END')).toContain('0123456END');
  });

  it('runs out for a client in mid-request: 408', async () => {
    const { client } = await behind(() => undefined, { clientMs: 60 });
    client.write('GET / HTTP/1.1\r\nHo');
    expect(status(await client.untilClosed())).toBe(408);
  });

  it('runs out for an idle client: closed without a word', async () => {
    const { client } = await behind(named('s1'), { keepAliveMs: 60 });
    client.write(get('/'));
    await client.until('<s1>');
    expect(await client.untilClosed()).toBe('');
  });

  it('runs out for idle connections to servers', async () => {
    const { client, server } = await behind(named('s1'), { upstreamIdleMs: 60 });
    client.write(get('/'));
    await client.until('<s1>');
    await expect.poll(() => server.sockets[0]?.destroyed, PATIENTLY).toBe(true);
    client.write(get('/'));
    await client.until('<s1>');
    expect(server.sockets).toHaveLength(2);
  });
});

describe('draining', () => {
  it('lets replies finish, closes the idle, accepts no one', async () => {
    const { client, relay, server } = await behind(
      answering((request) => (request.includes('/slow') ? '' : ok('END'))),
    );
    const idle = new RawClient(cleanup, relay.port);
    idle.write(get('/'));
    await idle.until('END');
    client.write(get('/slow') + get('/never'));
    await expect.poll(() => server.received.join(''), PATIENTLY).toContain('/slow');
    const drained = relay.drain(60_000);
    expect(await idle.untilClosed()).toBe('');
    server.sockets.at(-1)?.write(ok('END'));
    expect(await client.untilClosed()).toBe(ok('END', 'Connection: close\r\n'));
    await drained;
    const late = new RawClient(cleanup, relay.port);
    expect(await late.untilClosed()).toBe('');
  });

  it('waits no longer than its time-out', async () => {
    const { client, relay, server } = await behind(() => undefined);
    client.write(get('/'));
    await expect.poll(() => server.received.length, PATIENTLY).toBe(1);
    await relay.drain(30);
    expect(await client.untilClosed()).toBe('');
  });
});
