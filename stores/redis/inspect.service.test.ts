import { connect, createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { redisClient } from './client.ts';
import { type RedisFixture, startRedisFixture } from './fixture.ts';

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

test.each<[string, (fixture: RedisFixture) => Promise<unknown>, readonly string[], RegExp, RegExp]>([
  [
    'a node of a cluster',
    async () => undefined,
    ['--cluster-enabled', 'yes'],
    /a node of a cluster/,
    /without cluster mode/,
  ],
  [
    'a replica',
    (fixture) => fixture.command('REPLICAOF', '127.0.0.1', '1'),
    [],
    /a replica/,
    /Name its primary, 127\.0\.0\.1:1\./,
  ],
  [
    'one that evicts',
    (fixture) => fixture.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru'),
    [],
    /maxmemory-policy allkeys-lru/,
    /noeviction/,
  ],
])('%s is refused at the door, with the remedy', async (_, change, extra, got, remedy) => {
  const fixture = await start(extra);
  await change(fixture);
  const error = await redisClient.inspect(fixture.url).then(
    () => undefined,
    (reason: unknown) => reason as { kind: string; message: string; advice: { remedy: string } },
  );
  expect(error?.kind).toBe('refused');
  expect(error?.message).toMatch(got);
  expect(error?.advice.remedy).toMatch(remedy);
});

/** A proxy to a real Redis that answers CONFIG GET with several names as version 6 does. */
function likeRedis6(target: number): Promise<{ port: number; stop: () => Promise<void> }> {
  const lua = `return redis.error_reply("ERR Unknown subcommand or wrong number of arguments for 'GET'. Try CONFIG HELP.")`;
  const instead = `*3\r\n$4\r\nEVAL\r\n$${lua.length}\r\n${lua}\r\n$1\r\n0\r\n`;
  const several = /\*([4-9])\r\n\$6\r\nconfig\r\n\$3\r\nget\r\n(?:\$\d+\r\n[^\r]*\r\n){2,7}/i;
  const server: Server = createServer((client) => {
    const redis = connect(target, '127.0.0.1');
    client.on('data', (bytes) =>
      redis.write(
        Buffer.from(
          bytes.toString('latin1').replace(several, () => instead),
          'latin1',
        ),
      ),
    );
    redis.pipe(client);
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
