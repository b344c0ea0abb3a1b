import { copyFileSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../free-port.ts';
import { findOnPath } from '../programs.ts';
import { redisClient } from './client.ts';
import { READY, type RedisFixture, startRedisFixture } from './fixture.ts';
import { startSentinel } from './sentinel-fixture.ts';

const open: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

async function start(extra: readonly string[] = []): Promise<RedisFixture> {
  const fixture = await startRedisFixture('second', extra);
  open.push(fixture);
  return fixture;
}

test('version, settings, size and process of an ordinary one', async () => {
  const { url } = await start();
  const { version, settings, notes } = await redisClient.inspect(url);
  expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  expect(settings).toMatchObject({
    appendonly: 'yes',
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
  });
  expect(notes).toEqual([]);
  expect(await redisClient.dataBytes(url)).toBeGreaterThan(0);
});

test('a user without INFO and CONFIG: it works, and what is missing is named', async () => {
  const fixture = await start();
  await fixture.command('ACL', 'SETUSER', 'plain', 'on', '>pw', '~*', '&*', '+@all', '-@dangerous');
  const url = fixture.url.replace('redis://', 'redis://plain:pw@');
  const { version, settings, notes } = await redisClient.inspect(url);
  expect({ version, settings }).toEqual({ version: '', settings: {} });
  expect(notes.join()).toMatch(/\+info.*\+config\|get/);
  expect(await redisClient.dataBytes(url)).toBeUndefined();
  expect(await redisClient.settle(url)).toEqual([expect.stringContaining('+info')]);
  expect(await redisClient.inspectProcess(url, () => 1)).toBeUndefined();
  await fixture.command('SET', 'sb_one:x', '1');
  await redisClient.purge(url, 'sb_one');
  expect(await fixture.command('EXISTS', 'sb_one:x')).toBe(0);
});

test('another service at its port is named as such', async () => {
  const other = createServer((socket) => {
    socket.on('error', () => undefined).on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  open.push({ stop: async () => void other.close() });
  const { port } = other.address() as { port: number };
  await expect(redisClient.inspect(`redis://127.0.0.1:${port}`)).rejects.toMatchObject({
    kind: 'refused',
    message: 'a reply of another protocol',
    advice: { expected: 'to be Redis', remedy: expect.stringContaining('host and port') },
  });
});

test('a wrong password is still a wrong password', async () => {
  const fixture = await start();
  await fixture.command('ACL', 'SETUSER', 'plain', 'on', '>pw', '~*', '+@all');
  const url = fixture.url.replace('redis://', 'redis://plain:no@');
  await expect(redisClient.inspect(url)).rejects.toMatchObject({ kind: 'refused', advice: undefined });
});

test('Redis 6, which takes one name in CONFIG GET', async () => {
  const fixture = await start();
  const { port, stop } = await likeRedis6(Number(new URL(fixture.url).port));
  open.push({ stop });
  const { settings, notes } = await redisClient.inspect(`redis://127.0.0.1:${port}`);
  expect(settings).toMatchObject({
    appendonly: 'yes',
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
  });
  expect(notes).toEqual([]);
});

/** Its own bus port: that of the default, 10,000 above the other, may be another process's. */
const asCluster = async () => {
  const busPort = await freePort('127.0.0.1');
  return ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
};

type Change = (fixture: RedisFixture) => Promise<unknown>;

test.each<[string, Change, () => Promise<string[]>, RegExp, RegExp]>([
  [
    'a cluster whose slots nobody serves',
    (fixture) => fixture.command('CLUSTER', 'ADDSLOTSRANGE', 0, 16382),
    asCluster,
    /16383 of 16384|which has one/,
    /--cluster check|Leave the number out/,
  ],
  [
    'a replica',
    (fixture) => fixture.command('REPLICAOF', '127.0.0.1', '1'),
    async () => [],
    /a replica/,
    /Name its primary, 127\.0\.0\.1:1\./,
  ],
  [
    'one that evicts',
    (fixture) => fixture.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru'),
    async () => [],
    /maxmemory-policy allkeys-lru/,
    /noeviction/,
  ],
])('%s is refused at the door, with the remedy', async (_, change, extra, got, remedy) => {
  const fixture = await start(await extra());
  await change(fixture);
  for (const url of [fixture.url, `${fixture.url}/1`]) {
    const error = await redisClient.inspect(url).then(
      () => undefined,
      (reason: unknown) => reason as { kind: string; message: string; advice: { remedy: string } },
    );
    expect(error?.kind).toBe('refused');
    expect(error?.message).toMatch(got);
    expect(error?.advice.remedy).toMatch(remedy);
  }
});

test('a database that it does not have, or that the user may not choose: refused, not replaced by 0', async () => {
  const fixture = await start(['--databases', '4']);
  expect(await redisClient.inspect(`${fixture.url}/3`)).toMatchObject({ notes: [] });
  await fixture.command('ACL', 'SETUSER', 'plain', 'on', '>pw', '~*', '&*', '+@all', '-select');
  for (const url of [`${fixture.url}/4`, `${fixture.url.replace('redis://', 'redis://plain:pw@')}/3`]) {
    await expect(redisClient.inspect(url)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/out of range|NOPERM/),
      advice: { expected: expect.stringMatching(/^to have the database \d$/) },
    });
  }
});

test('a replica of a primary that runs: refused, and the primary is named', async () => {
  const [primary, replica] = [await start(), await start()];
  const { port } = new URL(primary.url);
  await replica.command('REPLICAOF', '127.0.0.1', port);
  await expect
    .poll(() => replica.command('INFO', 'replication'), { timeout: 10_000 })
    .toContain('master_link_status:up');
  await expect(redisClient.inspect(replica.url)).rejects.toMatchObject({
    kind: 'refused',
    advice: { expected: 'to be a primary', remedy: `Name its primary, 127.0.0.1:${port}.` },
  });
});

test('a Sentinel: refused, and the primary that it watches is named', async () => {
  const primary = await start();
  const { port } = new URL(primary.url);
  const sentinel = await startSentinel(primary.url, 1);
  open.push(sentinel);
  for (const url of [sentinel.url, `${sentinel.url}/1`]) {
    await expect(redisClient.inspect(url)).rejects.toMatchObject({
      kind: 'refused',
      message: 'a Sentinel',
      advice: {
        expected: 'to be Redis itself',
        remedy: `Name the primary that it watches, 127.0.0.1:${port}, or write redis-sentinel://HOST:PORT/main.`,
      },
    });
  }
});

test('Valkey: by its name and version, and the process of that name', async () => {
  const { folder } = temporary();
  // As its Debian package names it. What it says in INFO is added by a proxy.
  const program = join(folder, 'valkey-server');
  copyFileSync(realpathSync(findOnPath('redis-server') ?? ''), program);
  const server = await startRedisFixture('second', [], (args) => ({ program, args, ready: READY }));
  open.push(server);
  const { port, stop } = await likeValkey(Number(new URL(server.url).port));
  open.push({ stop });
  const url = `redis://127.0.0.1:${port}`;
  expect(await redisClient.inspect(url)).toMatchObject({ version: 'Valkey 8.1.1', notes: [] });
  const serving = await redisClient.inspectProcess(url, (found) => found);
  expect(serving).toMatchObject({ program: 'valkey-server', isChild: false });
  expect(readFileSync(`/proc/${serving?.pid}/comm`, 'utf8').trim()).toBe('valkey-server');
});

/** A folder for one test. */
function temporary(): { folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'sb-redis-'));
  open.push({ stop: async () => rmSync(folder, { recursive: true, force: true }) });
  return { folder };
}

/** A proxy to a real Redis that answers CONFIG GET with several names as version 6 does. */
function likeRedis6(target: number): Promise<Proxy> {
  const lua = `return redis.error_reply("ERR Unknown subcommand or wrong number of arguments for 'GET'. Try CONFIG HELP.")`;
  const instead = `*3\r\n$4\r\nEVAL\r\n$${lua.length}\r\n${lua}\r\n$1\r\n0\r\n`;
  const several = /\*([4-9])\r\n\$6\r\nconfig\r\n\$3\r\nget\r\n(?:\$\d+\r\n[^\r]*\r\n){2,7}/i;
  return proxyTo(target, {
    toServer: (text) => text.replace(several, () => instead),
  });
}

/** A proxy to a real Redis that adds to INFO what Valkey says there. */
function likeValkey(target: number): Promise<Proxy> {
  return proxyTo(target, {
    toClient: (text) =>
      text.replace(
        /([$=])(\d+)\r\n((?:txt:)?# Server\r\nredis_version:\S+\r\n)/,
        (_, kind: string, bytes: string, head: string) => {
          const more = 'server_name:valkey\r\nvalkey_version:8.1.1\r\n';
          return `${kind}${Number(bytes) + more.length}\r\n${head}${more}`;
        },
      ),
  });
}

interface Proxy {
  port: number;
  stop: () => Promise<void>;
}

const same = (text: string) => text;

/** Changes what passes, a packet at a time: each holds whole commands here. */
function proxyTo(
  target: number,
  { toServer = same, toClient = same }: Partial<Record<'toServer' | 'toClient', (text: string) => string>>,
): Promise<Proxy> {
  const server: Server = createServer((client) => {
    const redis = connect(target, '127.0.0.1');
    const pass = (from: Socket, to: Socket, change: (text: string) => string) =>
      from.on('data', (bytes) => to.write(Buffer.from(change(bytes.toString('latin1')), 'latin1')));
    pass(client, redis, toServer);
    pass(redis, client, toClient);
    for (const socket of [client, redis]) {
      socket
        .on('error', () => undefined)
        .on('close', () => {
          client.destroy();
          redis.destroy();
        });
    }
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      resolve({ port, stop: () => new Promise((closed) => server.close(() => closed())) });
    });
  });
}
