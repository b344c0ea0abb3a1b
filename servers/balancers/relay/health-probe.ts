/** Asks a server whether it is well, on a connection of its own. */

import { connect } from 'node:net';
import { authority, type Upstream } from '../balancer.ts';

/** `refused`: nobody listens there. `ill`: it did not answer in time, or not with success. */
export type Health = 'well' | 'ill' | 'refused';

/** Sends GET /healthz and reports once; the function it answers calls the probe off, without a report. */
export function probeHealth(
  upstream: Upstream,
  timeoutMs: number,
  report: (health: Health) => void,
): () => void {
  const { host, port } = upstream;
  const socket = connect({ host, port, noDelay: true });
  let text = '';
  let isRefused = false;
  let isOff = false;
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  socket.setEncoding('latin1');
  socket.on('connect', () => {
    socket.write(`GET /healthz HTTP/1.1\r\nHost: ${authority(host, port)}\r\nConnection: close\r\n\r\n`);
  });
  socket.on('data', (part: string) => {
    text += part;
    if (text.length >= 'HTTP/1.1 200'.length) socket.destroy();
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    isRefused = error.code === 'ECONNREFUSED';
  });
  socket.on('close', () => {
    clearTimeout(timer);
    if (isOff) return;
    if (/^HTTP\/1\.[01] 2\d\d/.test(text)) report('well');
    else report(isRefused ? 'refused' : 'ill');
  });
  return () => {
    isOff = true;
    socket.destroy();
  };
}
