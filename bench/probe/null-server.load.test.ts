import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Guard, openGuard } from '../environment/processes/guard.ts';
import { buildPrograms } from '../environment/programs.ts';
import { nullServerRate, startNullServer } from './null-server.ts';
import type { ProbeContext } from './probe.ts';

const HEAD = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
const REPLY =
  /HTTP\/1\.1 200 OK\r\ncontent-type: application\/json\r\ncontent-length: 15\r\n\r\n\{"status":"ok"\}/g;

let guard: Guard;
let context: ProbeContext;

beforeAll(async () => {
  guard = await openGuard();
  context = { guard, programs: await buildPrograms(), signal: new AbortController().signal };
});

afterAll(() => guard.close());

describe('the null server', () => {
  let server: Awaited<ReturnType<typeof startNullServer>>;
  let socket: Socket;
  let received = '';

  beforeAll(async () => {
    server = await startNullServer(context);
    socket = connect({ port: server.port as number, host: '127.0.0.1', noDelay: true });
    socket.setEncoding('latin1').on('data', (text: string) => {
      received += text;
    });
    await once(socket, 'connect');
  });

  afterAll(async () => {
    socket.destroy();
    await server.stop();
  });

  const replies = () => received.match(REPLY)?.length ?? 0;

  async function expectReplies(count: number): Promise<void> {
    while (replies() < count) await once(socket, 'data');
    expect(received.replace(REPLY, '')).toBe('');
    expect(replies()).toBe(count);
  }

  test('replies to each head once, however its bytes arrive', async () => {
    let sent = 0;
    for (let split = 1; split < HEAD.length; split += 1) {
      socket.write(HEAD.slice(0, split));
      // In a packet of its own: the next part follows when this one has left.
      await new Promise((resolve) => setTimeout(resolve, 2));
      socket.write(HEAD.slice(split));
      sent += 1;
      await expectReplies(sent);
    }
    socket.write(HEAD.repeat(3));
    await expectReplies(sent + 3);
  });
});

test('what the generator reaches against it covers a rate that is low', async () => {
  const load = { ratePerSecond: 100, connections: 16, durationSeconds: 0.5 };
  expect(await nullServerRate(context, load)).toBeGreaterThanOrEqual(100);
});
