import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mariadb } from '../../../stores/mariadb/backend.ts';
import { startMariadbFixture } from '../../../stores/mariadb/fixture.ts';
import { mariadbService } from '../../../stores/mariadb/service.ts';
import { openStore } from '../../../stores/open.ts';
import { postgres } from '../../../stores/postgres/backend.ts';
import { startPostgresFixture } from '../../../stores/postgres/fixture.ts';
import { postgresService } from '../../../stores/postgres/service.ts';
import { redis } from '../../../stores/redis/backend.ts';
import { startRedisFixture } from '../../../stores/redis/fixture.ts';
import { redisService } from '../../../stores/redis/service.ts';
import type { ServiceDefinition } from '../../../stores/service.ts';
import { readServiceUrl } from '../../../stores/service-url.ts';
import type { SessionStore } from '../../../stores/store.ts';
import { contextFor } from '../../../stores/suite/context.ts';
import { type Guard, openGuard } from '../processes/guard.ts';
import { commandOf } from '../processes/process-identity.ts';
import { startService } from './start.ts';

/** Services that are reached by a socket of the file system, as the tools of others spell it. */
let guard: Guard;
let folder = '';
const open: { stop(): Promise<unknown> }[] = [];
beforeAll(async () => {
  guard = await openGuard();
});
afterAll(() => guard.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sb socket'));
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
  rmSync(folder, { recursive: true, force: true });
});

function checked(text: string, { url: rules }: ServiceDefinition): string {
  const read = readServiceUrl(text, rules);
  if ('url' in read) return read.url;
  throw new Error(`${read.fault.expected}: ${read.fault.got}`);
}

/** Logs one user in, by the store, and reads the session back. */
async function useStore(store: SessionStore): Promise<void> {
  const created = await store.create({ userId: 'u', role: 'user', data: 'x' });
  if (created.status !== 'created') throw new Error(created.status);
  expect(await store.read(created.token)).toMatchObject({ data: 'x' });
}

const use = (definition: ServiceDefinition, url: string) =>
  startService(definition, {
    ...{ tier: 'url', url, durability: 'second', directory: folder, maxConnections: 10, guard },
  });

describe('Redis by its socket', () => {
  test.each([
    ['unix://PATH', (path: string) => `unix://${path}?db=3`],
    ['redis://PATH, with a password', (path: string) => `redis://me:p%40w@${path}?db=3`],
  ])('%s: inspected, used, and its CPU is known', async (_, spelt) => {
    const path = join(folder, 'redis.sock');
    const server = await startRedisFixture('second', ['--unixsocket', path]);
    open.push(server);
    await server.command('ACL', 'SETUSER', 'me', 'on', '>p@w', '~*', '&*', '+@all');
    const url = checked(spelt(path), redisService);
    const service = await use(redisService, url);
    expect(service).toMatchObject({ durabilityMatches: true, notes: [] });
    expect(service.redactedUrl).not.toContain('w@');
    const [pid = 0, ...others] = await service.pids();
    expect([commandOf(pid), others]).toEqual(['redis-server', []]);
    const info = String(await server.command('INFO', 'server'));
    expect(info).toContain(`process_id:${pid}`);

    const namespace = 'sb_socket';
    const store = await openStore(redis, contextFor(redis, { serviceUrl: url, namespace }));
    await store.close();
    await server.command('SELECT', 3);
    await server.command('SET', `${namespace}:x`, '1');
    await service.purge(namespace);
    expect(await server.command('DBSIZE')).toBe(0);
    expect(await service.settle()).toEqual([]);
  });

  test('a store opened there writes there', async () => {
    const path = join(folder, 'redis.sock');
    const server = await startRedisFixture('second', ['--unixsocket', path]);
    open.push(server);
    const serviceUrl = checked(path, redisService);
    const store = await openStore(redis, contextFor(redis, { serviceUrl, namespace: 'here' }));
    try {
      await useStore(store);
      expect(await server.command('KEYS', 'here:*')).not.toEqual([]);
    } finally {
      await store.close();
    }
  });

  test('one that is not there is named by its path', async () => {
    const url = checked(`unix://${folder}/none.sock`, redisService);
    await expect(use(redisService, url)).rejects.toMatchObject({
      code: 'SERVICE_UNREACHABLE',
      details: { got: expect.stringContaining(`${folder}/none.sock`) },
    });
    const opening = openStore(redis, contextFor(redis, { serviceUrl: url }));
    await expect(opening).rejects.toMatchObject({ cause: { message: expect.stringContaining(folder) } });
  });
});

describe('Postgres by its socket', () => {
  test.each([
    ['?host=', (path: string, port: string) => `postgres://bench@/postgres?host=${path}&port=${port}`],
    [
      'percent-encoded',
      (path: string, port: string) => `postgres://bench@${encodeURIComponent(path)}:${port}/postgres`,
    ],
  ])('%s: inspected, used, and its CPU is known', async (_, spelt) => {
    const server = await startPostgresFixture();
    open.push(server);
    const url = checked(spelt(server.folder, new URL(server.url).port), postgresService);
    const service = await use(postgresService, url);
    expect(service.durabilityMatches).toBe(true);
    const pids = await service.pids();
    expect(pids.map(commandOf)).toEqual(['postgres']);
    const store = await openStore(postgres, contextFor(postgres, { serviceUrl: url }));
    try {
      await useStore(store);
      const [{ count } = {}] = await server.query(
        `select count(*)::int from pg_stat_activity where application_name = 'session-bench' and client_addr is null`,
      );
      expect(count).toBeGreaterThan(0);
    } finally {
      await store.close();
    }
  });
});

describe('MariaDB by its socket', () => {
  test.each([
    ['?socket=', (path: string) => `mysql://bench:pw@localhost/bench?socket=${path}`],
    ['percent-encoded', (path: string) => `mariadb://bench:pw@${encodeURIComponent(path)}/bench`],
  ])('%s: inspected, used, and its CPU is known', async (_, spelt) => {
    const server = await startMariadbFixture();
    open.push(server);
    const url = checked(spelt(server.socket), mariadbService);
    const service = await use(mariadbService, url);
    expect(service).toMatchObject({ durabilityMatches: true, notes: [] });
    expect((await service.pids()).map(commandOf)).toEqual(['mariadbd']);
    for (const driver of ['mariadb', 'mysql2']) {
      const store = await openStore(mariadb, contextFor(mariadb, { serviceUrl: url, options: { driver } }));
      try {
        await useStore(store);
        const hosts = await server.query(
          `select distinct host from information_schema.processlist where user = 'bench' and id <> connection_id()`,
        );
        expect(hosts).toEqual([['localhost']]);
      } finally {
        await store.close();
      }
    }
  });
});
