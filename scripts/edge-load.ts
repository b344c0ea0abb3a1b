/**
 * The load process of scripts that measure balancers: a closed loop, over connections that stay open between the slices
 * of an arm, or with a new connection for each request. Argument: the number of connections. A slice begins with a
 * {@link SliceOrder} over IPC and ends with a {@link SliceReport}.
 */

import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface SliceOrder {
  port: number;
  durationMs: number;
  /** The authority of the edge, PEM; absent: plain HTTP. */
  ca?: string;
  /** Whether every request has a connection of its own, which the balancer closes; default not. */
  isOnce?: boolean;
}

export interface SliceReport {
  requests: number;
  failures: number;
}

const HEAD = `GET /me HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nCookie: __Host-id=${'i'.repeat(43)}; lb=s1\r\n`;
const REQUEST = `${HEAD}\r\n`;
const LAST_REQUEST = `${HEAD}Connection: close\r\n\r\n`;

const connections = Number(process.argv[2]);
const pools = new Map<number, Socket[]>();
let isRunning = false;
let inFlight = 0;
let report: SliceReport = { requests: 0, failures: 0 };

process.on('message', (order: SliceOrder) => {
  report = { requests: 0, failures: 0 };
  isRunning = true;
  inFlight = connections;
  if (order.isOnce === true) {
    closePools();
    for (let n = 0; n < connections; n++) sendOnce(order);
  } else for (const socket of poolOf(order)) socket.write(REQUEST);
  setTimeout(() => {
    isRunning = false;
  }, order.durationMs);
});

function end(): void {
  if (--inFlight === 0) process.send?.(report);
}

function poolOf(order: SliceOrder): Socket[] {
  const known = pools.get(order.port);
  if (known !== undefined) return known;
  const sockets = Array.from({ length: connections }, () => openKept(order));
  pools.set(order.port, sockets);
  return sockets;
}

/** Those of earlier arms, which their balancers would close for being idle. */
function closePools(): void {
  for (const socket of [...pools.values()].flat()) socket.removeListener('close', fail).destroy();
  pools.clear();
}

/** What is written before the connection is open is sent once it is. */
function open({ port, ca }: SliceOrder): Socket {
  const to = { port, host: '127.0.0.1', noDelay: true };
  const socket = ca === undefined ? connect(to) : connectTls({ ...to, ca, ALPNProtocols: ['http/1.1'] });
  return socket.setEncoding('latin1');
}

function openKept(order: SliceOrder): Socket {
  const socket = open(order);
  onReplies(socket, () => {
    if (isRunning) socket.write(REQUEST);
    else end();
  });
  socket.on('error', fail);
  socket.on('close', fail);
  return socket;
}

function sendOnce(order: SliceOrder): void {
  const socket = open(order);
  let replies = 0;
  onReplies(socket, () => {
    replies += 1;
  });
  socket.on('error', fail);
  socket.on('close', () => {
    if (replies !== 1) report.failures++;
    if (isRunning) sendOnce(order);
    else end();
  });
  socket.write(LAST_REQUEST);
}

function fail(): void {
  report.failures++;
}

function onReplies(socket: Socket, onReply: () => void): void {
  let text = '';
  socket.on('data', (part: string) => {
    text += part;
    const lengthBytes = replyLength(text);
    if (lengthBytes === undefined || text.length < lengthBytes) return;
    if (text.length > lengthBytes || !text.startsWith('HTTP/1.1 200')) report.failures++;
    report.requests++;
    text = '';
    onReply();
  });
}

/** Length of the complete reply, once its head has arrived. */
function replyLength(text: string): number | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
  return headEnd + 4 + Number(length ?? 0);
}
