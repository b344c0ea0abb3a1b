/** Round trips of single bytes through the relay: what the distance really is while there is load. */

import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

const LOOPBACK = '127.0.0.1';
/** Between a reply and the next byte: some hundred of them in a second, of which each takes some 100 µs of CPU. */
const INTERVAL_MS = 10;

/** A server that returns what it receives at once. */
export async function startEcho(): Promise<{ port: number; close: () => Promise<void> }> {
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.on('data', (chunk) => socket.write(chunk));
    // The other side is a relay, whose end the harness watches.
    socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, LOOPBACK, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

export interface EchoClient {
  /** Sends a byte at a time until the returned function is called, which returns the round trips, µs. */
  watch(): () => number[];
  close(): void;
}

/** Connects to an echo server. Rejects with the system's error. */
export async function openEchoClient(port: number): Promise<EchoClient> {
  const socket = connect({ host: LOOPBACK, port, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject);
  });
  // The end of the relay is reported as that of a process.
  socket.on('error', () => socket.destroy());
  let tripsUs: number[] | undefined;
  let sentMs: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const send = () => {
    if (sentMs !== undefined) return;
    sentMs = performance.now();
    socket.write('.');
  };
  socket.on('data', () => {
    if (sentMs !== undefined) tripsUs?.push((performance.now() - sentMs) * 1000);
    sentMs = undefined;
    if (tripsUs !== undefined) timer = setTimeout(send, INTERVAL_MS);
  });
  const stop = () => {
    clearTimeout(timer);
    const trips = tripsUs ?? [];
    tripsUs = undefined;
    return trips;
  };
  return {
    watch() {
      tripsUs = [];
      send();
      return stop;
    },
    close() {
      stop();
      socket.destroy();
    },
  };
}
