import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '../free-port.ts';
import { openStore } from '../open.ts';
import { ServiceError } from '../service.ts';
import { StoreUnavailableError } from '../store.ts';
import { contextFor } from '../suite/context.ts';
import { mongodb } from './backend.ts';
import { withMongodb } from './client.ts';
import { mongodbUrl } from './fixture.ts';

/** What can be tried without a MongoDB: nothing that replies. */

/** The limits are 1 and 2 s, and that of closing. */
const HANG_GUARD_MS = 8_000;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function silentPort(): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const urlAt = (port: number) => `mongodb://me:hunter2@127.0.0.1:${port}/bench`;

async function failure(call: () => Promise<unknown>): Promise<unknown> {
  const startMs = performance.now();
  const error = await call().then(
    () => new Error('expected a failure, got none'),
    (thrown: unknown) => thrown,
  );
  expect(performance.now() - startMs).toBeLessThan(HANG_GUARD_MS);
  return error;
}

/** All that an error says, with its causes. */
function textOf(error: unknown): string {
  return error instanceof Error ? `${error.stack} ${textOf(error.cause)}` : String(error);
}

describe.each([
  ['a closed port', () => freePort('127.0.0.1'), /ECONNREFUSED/],
  ['a silent socket', silentPort, /timed out|no reply within/i],
])('%s', (_name, portOf, reason) => {
  test('the store does not open, soon, and says so', async () => {
    const url = urlAt(await portOf());
    const error = await failure(() => openStore(mongodb, contextFor(mongodb, { serviceUrl: url })));
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(textOf(error)).toMatch(reason);
    expect(textOf(error)).not.toContain('hunter2');
  });

  test('the harness finds it unreachable, soon', async () => {
    const url = urlAt(await portOf());
    const error = await failure(() => withMongodb(url, async () => undefined));
    expect(error).toBeInstanceOf(ServiceError);
    expect((error as ServiceError).kind).toBe('unreachable');
    expect(textOf(error)).toMatch(reason);
    expect(textOf(error)).not.toContain('hunter2');
  });
});

test('the tests that need a MongoDB fail without one, with the remedy', async () => {
  await expect(mongodbUrl('')).rejects.toThrow(
    /expected MONGODB_URL, got none\. Remedy: docker run .*mongo:8/,
  );
  await expect(mongodbUrl('mongodb://h')).rejects.toThrow(/a database for the benchmark.* Remedy: docker/s);
  const closed = urlAt(await freePort('127.0.0.1'));
  const error = await failure(() => mongodbUrl(closed));
  expect(textOf(error)).toMatch(/ECONNREFUSED.*\. Remedy: docker run/);
  expect(textOf(error)).not.toContain('hunter2');
});
