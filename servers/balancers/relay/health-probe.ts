/** Checks the health of a server on a separate connection. */

import { connect } from 'node:net';
import { authority, type Upstream } from '../balancer.ts';

/** `refused`: the port is closed. `unhealthy`: no success status in time. */
export type Health = 'healthy' | 'unhealthy' | 'refused';

/** Sends GET /healthz and reports once. The returned function cancels the probe without a report. */
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
    if (/^HTTP\/1\.[01] 2\d\d/.test(text)) report('healthy');
    else report(isRefused ? 'refused' : 'unhealthy');
  });
  return () => {
    isOff = true;
    socket.destroy();
  };
}
