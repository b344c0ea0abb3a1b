/**
 * The load process of `revocation-under-load.ts`: reads over kept connections at several servers, closed loop, or at a
 * rate. A slice begins with a {@link LoadOrder} over IPC and ends with a {@link LoadReport}.
 */

import { connect, type Socket } from 'node:net';

export interface LoadOrder {
  ports: readonly number[];
  cookie: string;
  connections: number;
  durationMs: number;
  /** Requests per second over all servers; absent: as fast as they reply. */
  rate?: number;
}

export interface LoadReport {
  requests: number;
  failures: number;
  /** Requests that found no connection free when they were due; they are sent late. */
  late: number;
}

const END_OF_HEAD = '\r\n\r\n';
const PUMP_MS = 1;

process.on('message', (order: LoadOrder) => void run(order).then((report) => process.send?.(report)));
process.on('disconnect', () => process.exit());

async function run(order: LoadOrder): Promise<LoadReport> {
  const report: LoadReport = { requests: 0, failures: 0, late: 0 };
  const request = `GET /session HTTP/1.1\r\nhost: x\r\ncookie: ${order.cookie}\r\n\r\n`;
  const free: Socket[] = [];
  const open: Socket[] = [];
  const startMs = performance.now();
  const endMs = startMs + order.durationMs;
  const isOver = () => performance.now() >= endMs;
  let sent = 0;
  let due = 0;
  const send = (socket: Socket) => {
    sent += 1;
    socket.write(request);
  };

  for (let index = 0; index < order.connections; index += 1) {
    const socket = connect(order.ports[index % order.ports.length] as number, '127.0.0.1').setNoDelay(true);
    open.push(socket);
    socket.on('data', (bytes: Buffer) => {
      // A reply of this size arrives in one piece over the loopback.
      const text = bytes.toString('latin1');
      report.requests += 1;
      if (!text.startsWith('HTTP/1.1 200') || !text.includes(END_OF_HEAD)) report.failures += 1;
      if ((order.rate === undefined && !isOver()) || sent < due) send(socket);
      else free.push(socket);
    });
    socket.on('error', (error) => {
      throw error;
    });
    free.push(socket);
  }
  const pump = () => {
    due =
      order.rate === undefined
        ? order.connections
        : Math.floor(((Math.min(performance.now(), endMs) - startMs) / 1_000) * order.rate);
    while (sent < due) {
      const socket = free.shift();
      if (socket === undefined) {
        report.late += 1;
        return;
      }
      send(socket);
    }
  };
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (order.rate !== undefined || sent === 0) pump();
      if (!isOver() || free.length < open.length) return;
      clearInterval(timer);
      resolve();
    }, PUMP_MS);
  });
  for (const socket of open) socket.destroy();
  return report;
}
