import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { openStore } from '../open.ts';
import { StoreUnavailableError } from '../store.ts';
import { contextFor } from '../suite/context.ts';
import { memcached } from './backend.ts';
import { memcachedClient } from './client.ts';
import { get } from './commands.ts';
import { type MemcachedFixture, startMemcachedFixture } from './fixture.ts';

const open: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

/** A folder for one test. */
function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sb-memcached-'));
  open.push({ stop: () => rmSync(folder, { recursive: true, force: true }) });
  return folder;
}

async function start(...args: string[]): Promise<MemcachedFixture> {
  const fixture = await startMemcachedFixture(args);
  open.push(fixture);
  return fixture;
}

/** A proxy to a real Memcached that changes what that says of itself; returns its URL. */
async function saying(change: (text: string) => string): Promise<string> {
  const { hostname: host, port } = new URL((await start('-M')).url);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ host, port: Number(port) });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => client.write(change(chunk.toString('latin1')), 'latin1'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return `memcached://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('version, settings, size and process of an ordinary one', async () => {
  const { url } = await start('-M');
  const { version, settings, notes } = await memcachedClient.inspect(url, 256);
  expect(version).toMatch(/^1\.\d+\.\d+$/);
  expect(settings).toMatchObject({ evictions: 'off', maxconns: '256', item_size_max: '1048576' });
  expect(notes).toEqual([]);
  expect(memcachedClient.durabilityMatches(settings, 'none')).toBe(true);
  expect(memcachedClient.durabilityMatches(settings, 'second')).toBe(false);
  expect(await memcachedClient.dataBytes(url)).toBeGreaterThanOrEqual(0);
  expect(await memcachedClient.settle(url)).toEqual([]);
  const serving = await memcachedClient.inspectProcess(url, (found) => found);
  expect(serving).toMatchObject({ program: 'memcached', isChild: false });
  expect(readFileSync(`/proc/${serving?.pid}/comm`, 'utf8').trim()).toBe('memcached');
});

test.each<[string, readonly string[], RegExp, RegExp]>([
  ['one that evicts', [], /evictions on/, /-M/],
  ['one without CAS', ['-M', '-C'], /cas_enabled no/, /without -C/],
  ['one that lists no keys', ['-M', '-X'], /dump_enabled no/, /without -X/],
])('%s is refused at the door, with the remedy', async (_, args, got, remedy) => {
  const { url } = await start(...args);
  await expect(memcachedClient.inspect(url)).rejects.toMatchObject({
    kind: 'refused',
    message: expect.stringMatching(got),
    advice: { remedy: expect.stringMatching(remedy) },
  });
});

test('one that accepts fewer connections than the run needs', async () => {
  const { url } = await start('-M');
  await expect(memcachedClient.inspect(url, 257)).rejects.toMatchObject({
    kind: 'refused',
    message: 'maxconns 256',
    advice: { remedy: expect.stringContaining('-c 257') },
  });
});

test.each<[string, string, string]>([
  ['of Ubuntu 20.04', '1.5.22', '1.5.22'],
  ['before the present meta protocol', '1.6.9', '1.6.9'],
  ['of mcrouter', '38.0.0-mcrouter', 'mcrouter'],
])('the version %s: refused', async (_, version, got) => {
  const url = await saying((text) => text.replace(/VERSION \S+/, `VERSION ${version}`));
  await expect(memcachedClient.inspect(url)).rejects.toMatchObject({ kind: 'refused', message: got });
});

test('a proxy that has no statistics, and Memcached as a proxy: refused, and what is behind it is asked for', async () => {
  const silent = await saying((text) => (text.startsWith('STAT') ? 'ERROR\r\n' : text));
  const proxy = await saying((text) =>
    text.replace('STAT evictions off', 'STAT proxy_enabled yes\r\nSTAT evictions off'),
  );
  for (const url of [silent, proxy]) {
    await expect(memcachedClient.inspect(url)).rejects.toMatchObject({
      kind: 'refused',
      advice: { expected: 'to be Memcached itself', remedy: expect.stringContaining('behind it') },
    });
  }
});

test('what is not Memcached is not one that could be used', async () => {
  const url = await saying(() => 'HTTP/1.1 400 Bad Request\r\n\r\n');
  await expect(memcachedClient.inspect(url)).rejects.toMatchObject({
    kind: 'unreachable',
    message: expect.stringContaining('HTTP/1.1 400'),
  });
});

test('a missing or wrong password is named, and appears in no error; the right one works', async () => {
  const folder = temporary();
  // Run by root, it reads the file as nobody.
  chmodSync(folder, 0o755);
  const file = join(folder, 'users');
  writeFileSync(file, 'me:open-sesame\n', { mode: 0o644 });
  const { url } = await start('-M', '-Y', file);
  const at = (login: string) => url.replace('//', `//${login}@`);
  for (const [refused, got] of [
    [url, /unauthenticated/],
    [at('me:not-this-one'), /authentication failure/],
  ] as const) {
    await expect(memcachedClient.inspect(refused)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(got),
      advice: undefined,
    });
    const context = contextFor(memcached, { serviceUrl: refused, durability: 'none' });
    const error = await openStore(memcached, context).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(String((error as Error).cause)).toMatch(/Remedy: put the user and password/);
    expect(inspect(error, { depth: 9 })).not.toContain('not-this-one');
  }
  expect(await memcachedClient.inspect(at('me:open-sesame'))).toMatchObject({ notes: [] });
  const context = contextFor(memcached, { serviceUrl: at('me:open-sesame'), durability: 'none' });
  const store = await openStore(memcached, context);
  open.push({ stop: store.close });
  expect(await store.create({ userId: 'u', role: 'user', data: 'd' })).toMatchObject({ status: 'created' });
});

test('a password where none is asked for: refused, and not stored there', async () => {
  const fixture = await start('-M');
  await expect(memcachedClient.inspect(fixture.url.replace('//', '//me:hunter2@'))).rejects.toMatchObject({
    kind: 'refused',
    message: expect.stringContaining('asks for no password'),
  });
  expect(await fixture.talk((link) => get(link, 'auth'))).toBeUndefined();
});

test('by its socket', async () => {
  const folder = temporary();
  // Run by root it is nobody's.
  chmodSync(folder, 0o777);
  const fixture = await startMemcachedFixture(['-M'], join(folder, 'm.sock'));
  open.push(fixture);
  const { url } = fixture;
  expect(await memcachedClient.inspect(url)).toMatchObject({ notes: [] });
  const store = await openStore(memcached, contextFor(memcached, { serviceUrl: url, durability: 'none' }));
  open.push({ stop: store.close });
  expect(await store.create({ userId: 'u', role: 'user', data: 'd' })).toMatchObject({ status: 'created' });
});
