import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mariadb } from './mariadb/backend.ts';
import { startMariadbFixture } from './mariadb/fixture.ts';
import { memcached } from './memcached/backend.ts';
import { startMemcachedFixture } from './memcached/fixture.ts';
import { openStore } from './open.ts';
import { postgres } from './postgres/backend.ts';
import { startPostgresFixture } from './postgres/fixture.ts';
import { redis } from './redis/backend.ts';
import { startRedisFixture } from './redis/fixture.ts';
import type { StoreDefinition } from './store.ts';
import { contextFor } from './suite/context.ts';

/** Services that close connections which were idle for a second: those of a store outlive a pause. */

const PAUSE_MS = 3_500;
const ONE_SECOND = [
  {
    definition: redis,
    async start() {
      return startRedisFixture('second', ['--timeout', '1']);
    },
  },
  {
    definition: memcached,
    async start() {
      return startMemcachedFixture(['-M', '-o', 'idle_timeout=1']);
    },
  },
  {
    definition: postgres,
    async start() {
      const server = await startPostgresFixture();
      await server.query(`alter system set idle_session_timeout = '1s'`);
      await server.query('select pg_reload_conf()');
      return server;
    },
  },
  {
    definition: mariadb,
    async start() {
      return startMariadbFixture('second', ['--wait-timeout=1', '--interactive-timeout=1']);
    },
  },
];

const closers: (() => unknown)[] = [];
const urls = new Map<StoreDefinition, string>();

beforeAll(async () => {
  await Promise.all(
    ONE_SECOND.map(async ({ definition, start }) => {
      const server = await start();
      closers.push(() => server.stop());
      urls.set(definition, server.url);
    }),
  );
});
afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Passes connections on to a service, and counts those that it has accepted and lost. */
async function counted(to: number): Promise<{ port: number; counts: { accepted: number; lost: number } }> {
  const counts = { accepted: 0, lost: 0 };
  const open = new Set<Socket>();
  const server = createServer((near) => {
    counts.accepted += 1;
    const far = connect(to, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one.setNoDelay(true));
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => open.delete(one));
    }
    near.on('close', () => {
      counts.lost += 1;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, counts };
}

describe.concurrent('the connections outlive a pause', () => {
  test.each(ONE_SECOND)('$definition.name', async ({ definition }) => {
    const url = new URL(urls.get(definition) as string);
    const { port, counts } = await counted(Number(url.port));
    url.port = String(port);
    const errors: unknown[] = [];
    const onBackgroundError = (error: unknown) => void errors.push(error);
    const durability = definition === memcached ? 'none' : 'second';
    const store = await openStore(
      definition,
      contextFor(definition, { serviceUrl: url.href, durability, onBackgroundError }),
    );
    closers.push(() => store.close());
    const created = await store.create({ userId: 'ann', role: 'user', data: 'data' });
    if (created.status !== 'created') throw new Error(`expected a session, got ${created.status}`);
    const before = { ...counts, trips: store.roundTrips() };
    await sleep(PAUSE_MS);
    expect({ ...counts, trips: store.roundTrips() }).toEqual(before);
    expect(await store.read(created.token)).toMatchObject({ data: 'data' });
    expect(errors).toEqual([]);
  });
});

test.each(ONE_SECOND.slice(0, 2))('$definition.name says so before a run', async ({ definition }) => {
  const { notes } = await inspected(definition);
  expect(notes).toEqual([expect.stringMatching(/closes connections that are idle for 1 s/)]);
});

async function inspected(definition: StoreDefinition) {
  const service = definition.service({});
  if (service === undefined) throw new Error('expected a service');
  return (await service.client()).inspect(urls.get(definition) as string);
}
