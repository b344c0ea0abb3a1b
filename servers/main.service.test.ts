import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { buildPrograms } from '../bench/environment/programs.ts';
import { SERVER_CONFIG_ENV, type ServerConfig } from './config.ts';
import { ORIGIN, SESSION_COOKIE } from './protocol.ts';
import { readCookie } from './session-plugin.ts';

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

async function startReady(change: Partial<ServerConfig> = {}) {
  const server = start(JSON.stringify({ ...CONFIG, ...change }));
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

/** A login, and what becomes of it. */
async function logIn(port: number) {
  const base = `http://127.0.0.1:${port}`;
  const reply = await fetch(`${base}/login`, {
    method: 'POST',
    headers: { origin: ORIGIN, 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'u1', password: 'right' }),
  });
  const token = readCookie(reply.headers.getSetCookie()[0], SESSION_COOKIE);
  const get = (path: string) => fetch(base + path, { headers: { cookie: `${SESSION_COOKIE}=${token}` } });
  return {
    status: async () => (await get('/session')).status,
    createdAtMs: async () => {
      const { logins } = (await (await get('/sessions')).json()) as { logins: { created_at_ms: number }[] };
      return logins[0]?.created_at_ms ?? Number.NaN;
    },
  };
}

describe('the clock of a server process', () => {
  const LIFETIMES = { idleSeconds: 600, absoluteSeconds: 600, touchIntervalSeconds: 60 };
  const tell = async (child: ChildProcess, message: object) => {
    const answer = once(child, 'message');
    child.send(message);
    return (await answer)[0] as { type: string };
  };

  test('is set where it is adjustable, for the store alone', async () => {
    const { child, port } = await startReady({ ...LIFETIMES, adjustableClock: true });
    const login = await logIn(port);
    expect(await tell(child, { type: 'clock', offsetMs: 500_000 })).toEqual({ type: 'clock' });
    expect(await login.status()).toBe(200);
    expect(await tell(child, { type: 'clock', offsetMs: 601_000 })).toEqual({ type: 'clock' });
    expect(await login.status()).toBe(401);
  });

  test('is the machine’s own otherwise, whatever the message', async () => {
    const { child, port } = await startReady(LIFETIMES);
    const login = await logIn(port);
    child.send({ type: 'clock', offsetMs: 601_000 });
    expect((await tell(child, { type: 'stats' })).type).toBe('stats');
    expect(await login.status()).toBe(200);
  });

  test('begins at the configured offset', async () => {
    const { port } = await startReady({ ...LIFETIMES, clockOffsetMs: 86_400_000 });
    const login = await logIn(port);
    expect((await login.createdAtMs()) - Date.now()).toBeGreaterThan(86_000_000);
    expect(await login.status()).toBe(200);
  });
});

describe('a server process', () => {
  test('reports its port, replies there, and reports its readings', async () => {
    const { child, port } = await startReady();
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).headers.get('x-served-by')).toBe('s7');
    child.send({ type: 'stats' });
    const [stats] = await once(child, 'message');
    // A server that was slow to start has a loopDelayP99Us, too: it is left out while few delays are known.
    expect(stats).toMatchObject({
      type: 'stats',
      roundTrips: 0,
      loopTurns: expect.any(Number),
      gcNs: expect.any(Number),
      touches: 0,
    });
    // The count of what a store in this process holds, and no reading that would be reset by it.
    child.send({ type: 'stats', count: true });
    expect((await once(child, 'message'))[0]).toEqual({ type: 'stats', sessions: 0 });
  });

  test('on SIGTERM finishes the request in flight, accepts no new one, and exits with 0', async () => {
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

  test('exits when its parent has died', async () => {
    const { child, exited } = await startReady();
    child.disconnect();
    expect(await exited).toEqual([0, null]);
  });

  test('reveals nothing of a configuration that is not JSON', async () => {
    const { exited, stderr } = start('{"password":"hush-hush",');
    expect(await exited).toEqual([1, null]);
    expect(stderr()).toBe('SESSION_BENCH_SERVER must hold JSON\n');
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
