import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { buildPrograms } from '../bench/environment/programs.ts';
import { SERVER_CONFIG_ENV } from './config.ts';

/** The server as a process, started as the harness starts it. */
const CONFIG = { id: 's7', store: 'memory', secret: 'c2VjcmV0', password: 'right', adminPassword: 'root' };
let program = '';
const children: ChildProcess[] = [];
beforeAll(async () => {
  program = (await buildPrograms()).server;
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function start(config: string | undefined) {
  const env = {
    PATH: process.env['PATH'] ?? '',
    ...(config === undefined ? {} : { [SERVER_CONFIG_ENV]: config }),
  };
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  children.push(child);
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return {
    child,
    exited: once(child, 'exit') as Promise<[number | null, string | null]>,
    stderr: () => stderr,
  };
}

async function startReady() {
  const server = start(JSON.stringify(CONFIG));
  const [message] = (await once(server.child, 'message')) as [{ type: string; port: number }];
  expect(message.type).toBe('ready');
  return { ...server, port: message.port };
}

/** The whole answer that a raw connection got until it was closed. */
async function answerOf(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(socket, 'close');
  return text;
}

describe('a server process', () => {
  test('says which port it took, answers there, and tells its readings', async () => {
    const { child, port } = await startReady();
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).headers.get('x-served-by')).toBe('s7');
    child.send({ type: 'stats' });
    const [stats] = await once(child, 'message');
    expect(stats).toEqual({
      type: 'stats',
      roundTrips: 0,
      gcNs: expect.any(Number),
    });
  });

  test('on SIGTERM finishes the request under way, takes no new one, and ends with 0', async () => {
    const { child, port, exited } = await startReady();
    const body = JSON.stringify({ user: 'u1', password: 'right' });
    const socket = connect(port, '127.0.0.1');
    const answer = answerOf(socket);
    socket.write(
      `POST /login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
    );
    socket.write(body.slice(0, 5));
    await setTimeout(200);
    child.kill('SIGTERM');
    await setTimeout(300);
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
    socket.end(body.slice(5));
    expect(await answer).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*\{"user":"u1","role":"user"\}$/);
    expect(await exited).toEqual([0, null]);
  });

  test('leaves by itself when its parent is gone', async () => {
    const { child, exited } = await startReady();
    child.disconnect();
    expect(await exited).toEqual([0, null]);
  });

  test.each([
    [undefined, 'must hold the server’s configuration'],
    ['{"id":"s1"}', 'lacks store, secret, password, adminPassword'],
    [JSON.stringify({ ...CONFIG, store: 'mongo' }), 'no store is named mongo'],
    [
      JSON.stringify({ ...CONFIG, store: 'redis', serviceUrl: 'redis://127.0.0.1:1' }),
      'the session store failed',
    ],
  ])('with the configuration %s says what is wrong on one line, and ends with 1', async (config, words) => {
    const { exited, stderr } = start(config);
    expect(await exited).toEqual([1, null]);
    expect(stderr().replace("server's", 'server’s')).toContain(words);
    expect(stderr().trim().split('\n')).toHaveLength(1);
  });
});
