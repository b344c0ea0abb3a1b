import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { openAgent } from './wire.ts';

/** Longer than an idle connection is kept, and shorter than a server keeps it. */
const SLOW_MS = 4_300;

test('an idle connection is closed before a server closes it, and a slow reply is awaited', async () => {
  const ended: number[] = [];
  const server = createServer({ keepAliveTimeout: 60_000 }, ({ url }, response) => {
    setTimeout(() => response.end('ok'), url === '/slow' ? SLOW_MS : 0);
  });
  server.on('connection', (socket) => socket.on('end', () => ended.push(performance.now())));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const agent = openAgent('http:', {}, 2);
  const ask = (path: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      get({ agent, host: '127.0.0.1', port, path }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      }).on('error', reject);
    });
  try {
    expect(await Promise.all([ask('/'), ask('/slow')])).toEqual([200, 200]);
    expect(ended).toHaveLength(1);
  } finally {
    agent.destroy();
    server.close();
  }
});
