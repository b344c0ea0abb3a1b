import { Agent, createServer, type RequestListener } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { exchange } from './client.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function serve(answer: RequestListener): Promise<URL> {
  const server = createServer(answer);
  closers.push(() => server.close().closeAllConnections());
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve(new URL(`http://127.0.0.1:${(server.address() as { port: number }).port}/`));
    });
  });
}

const get = (url: URL) => {
  const agent = new Agent();
  return exchange(url, agent, 'GET', undefined, {}).finally(() => agent.destroy());
};

test('a reply is whole', async () => {
  const url = await serve((_, response) => {
    response.write('a');
    setTimeout(() => response.end('b'), 20);
  });
  expect(await get(url)).toMatchObject({ status: 200, body: 'ab' });
});

test('a reply without end is an error, before memory is full', async () => {
  const part = Buffer.alloc(1024 * 1024);
  const url = await serve((_, response) => {
    const more = () => {
      if (response.destroyed) return;
      if (response.write(part)) setImmediate(more);
      else response.once('drain', more);
    };
    more();
  });
  await expect(get(url)).rejects.toThrow('a reply of more than');
});

test('a reply that drips is an error after the time of a whole one', async () => {
  const url = await serve((_, response) => {
    const timer = setInterval(() => response.write('x'), 500);
    response.on('close', () => clearInterval(timer));
  });
  await expect(get(url)).rejects.toThrow('no reply to GET / within 10000 ms');
}, 20_000);

test('another protocol is an error, and not silence', async () => {
  const url = await serve(({ socket }) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  });
  await expect(get(url)).rejects.toThrow('101 to GET /: another protocol');
});
