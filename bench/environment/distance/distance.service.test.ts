import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startTicker } from '../../load/ticker.ts';
import { type Guard, openGuard } from '../processes/guard.ts';
import { isRunning } from '../processes/process-identity.ts';
import { buildPrograms, type Programs } from '../programs.ts';
import { type Distance, openDistance } from './distance.ts';

/** The relay as a real process, before a server of the test's own. */
let programs: Programs;
let guard: Guard;
beforeAll(async () => {
  programs = await buildPrograms();
  guard = await openGuard();
});
afterAll(() => guard.close());

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Listens on a free port, and keeps its connections. */
async function serve(onConnection: (socket: Socket) => void): Promise<{ server: Server; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { server, sockets };
}

async function open(roundTripMs: number, server: Server): Promise<Distance> {
  const { port } = server.address() as AddressInfo;
  const signal = new AbortController().signal;
  const distance = await openDistance(roundTripMs, `some://u:p%40ss@127.0.0.1:${port}/3`, {
    ...{ programs, guard, signal },
  });
  closers.push(distance.stop);
  return distance;
}

async function dial({ url }: Distance): Promise<Socket> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', noDelay: true });
  closers.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const echo = (socket: Socket) => {
  socket.on('data', (chunk) => socket.write(chunk));
  socket.on('end', () => socket.end());
};

test('a round trip takes what was asked and little more, half of it each way, and no less', async () => {
  const arrivals: number[] = [];
  const { server } = await serve((socket) => {
    socket.on('data', (chunk) => {
      arrivals.push(performance.now());
      socket.write(chunk);
    });
  });
  // What this machine takes for the relay's sockets shows one without a delay, and for the end of a sleep a ticker here.
  const relays = await Promise.all([open(5, server), open(0, server)]);
  const ticker = await startTicker(0);
  closers.push(() => ticker.close());
  const parsed = new URL(relays[0].url);
  expect([parsed.protocol, parsed.username, parsed.password, parsed.hostname, parsed.pathname]).toEqual([
    ...['some:', 'u', 'p%40ss', '127.0.0.1', '/3'],
  ]);
  const ways = await Promise.all(
    relays.map(async (distance) => {
      const watched = distance.watch();
      return { watched, socket: await dial(distance), outMs: [] as number[], backMs: [] as number[] };
    }),
  );
  const latenessMs: number[] = [];
  for (let trip = 0; trip < 60; trip += 1) {
    for (const { socket, outMs, backMs } of ways) {
      const sentMs = performance.now();
      socket.write('x');
      await once(socket, 'data');
      outMs.push((arrivals.at(-1) as number) - sentMs);
      backMs.push(performance.now() - (arrivals.at(-1) as number));
    }
    const dueMs = performance.now() + 2.5;
    await new Promise<void>((resolve) => {
      ticker.onWake = resolve;
      ticker.wakeAt(dueMs);
    });
    latenessMs.push(performance.now() - dueMs);
  }
  // The least of many: the others depend on what else this machine does. A thread of the relay may wake as late again.
  const least = (values: readonly number[] = []) => Math.min(...values);
  const [delayed, plain] = ways;
  for (const way of ['outMs', 'backMs'] as const) {
    expect(least(delayed?.[way])).toBeGreaterThanOrEqual(2.5);
    // With timers of Node it would be 3 ms and more.
    expect(least(delayed?.[way])).toBeLessThan(2.75 + least(plain?.[way]) + 2 * least(latenessMs));
  }
  const [measuredUs, plainUs] = ways.map(({ watched }) => watched());
  expect(measuredUs?.length).toBeGreaterThanOrEqual(10);
  expect(least(measuredUs)).toBeGreaterThanOrEqual(5_000);
  expect(least(measuredUs)).toBeLessThan(5_500 + least(plainUs) + 4_000 * least(latenessMs));
  // What it was watched for is over.
  expect(relays[0].watch()()).toEqual([]);
});

test('bytes keep their order over many writes, and connections do not wait for each other', async () => {
  const { server } = await serve(echo);
  const distance = await open(1, server);
  const sockets = await Promise.all(Array.from({ length: 8 }, () => dial(distance)));
  const texts = await Promise.all(
    sockets.map(async (socket, index) => {
      const received: Buffer[] = [];
      socket.on('data', (chunk) => received.push(chunk));
      const sent = Array.from({ length: 2_000 }, (_, count) => `${index}:${count};`);
      for (const part of sent) socket.write(part);
      socket.end();
      await once(socket, 'end');
      return [Buffer.concat(received).toString(), sent.join('')];
    }),
  );
  for (const [received, sent] of texts) expect(received).toBe(sent);
});

test('packets of one connection overlap on their way: the last is there before the first reply is back', async () => {
  let received = 0;
  const { server } = await serve((socket) => {
    socket.on('data', (chunk) => {
      received += chunk.length;
      socket.write(chunk);
    });
  });
  const distance = await open(400, server);
  const socket = await dial(distance);
  const first = once(socket, 'data');
  for (let index = 0; index < 10; index += 1) {
    socket.write('x');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await first;
  expect(received).toBe(10);
});

test('the end of a service that was killed reaches its clients, and a new connection fails', async () => {
  const { server, sockets } = await serve(echo);
  const distance = await open(2, server);
  const socket = await dial(distance);
  socket.write('x');
  await once(socket, 'data');
  const broken = new Promise((resolve) => socket.once('error', resolve).once('close', resolve));
  server.close();
  for (const one of sockets) one.resetAndDestroy();
  await broken;
  const late = connect({ port: Number(new URL(distance.url).port), host: '127.0.0.1' });
  await new Promise((resolve) => late.once('error', resolve).once('close', resolve));
  expect(late.destroyed).toBe(true);
});

test('its end is noticed, and nothing is left of it', async () => {
  const { server } = await serve(echo);
  const distance = await open(0, server);
  const { pid } = distance.process;
  const noticed = new Promise((resolve) => distance.process.onUnexpectedExit(resolve));
  process.kill(pid, 'SIGKILL');
  await noticed;
  await distance.stop();
  expect(isRunning(pid)).toBe(false);
});
