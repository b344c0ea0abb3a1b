import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { urlAt } from './browser.ts';
import { exchangeRaw } from './raw.ts';

const received: string[] = [];
const server = createServer((socket) => {
  socket.on('data', (bytes) => {
    received.push(bytes.toString('latin1'));
    socket.end('HTTP/1.1 200 OK\r\n\r\n');
  });
});
let port = 0;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '::', resolve));
  ({ port } = server.address() as { port: number });
});
afterAll(() => void server.close());

test.each([
  ['', '/session'],
  ['/', '/session'],
  ['/app', '/app/session'],
  ['/app/', '/app/session'],
])('a request goes to the host and below the path of its site: %j', async (path, expected) => {
  const base = `http://127.0.0.1:${port}${path}`;
  await exchangeRaw(base, 'GET /session HTTP/1.1\r\nHost: site\r\nX: \xff\r\n\r\n');
  expect(received.at(-1)).toBe(`GET ${expected} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX: \xff\r\n\r\n`);
  expect(urlAt(base, '/session?a=1').href).toBe(`http://127.0.0.1:${port}${expected}?a=1`);
});

test('an IPv6 address is in brackets in the header, and not for the socket', async () => {
  await exchangeRaw(`http://[::1]:${port}`, 'GET / HTTP/1.1\r\nHost: site\r\n\r\n');
  expect(received.at(-1)).toContain(`Host: [::1]:${port}\r\n`);
});

test('without a port it is 80, which is not 0', async () => {
  await expect(exchangeRaw('http://127.0.0.1', 'GET / HTTP/1.1\r\n\r\n')).rejects.toMatchObject({ port: 80 });
});
