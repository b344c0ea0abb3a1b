import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openStore } from '../open.ts';
import type { OpenContext, SessionStore } from '../store.ts';
import { contextFor } from '../suite/context.ts';
import { describeListedLogins, newNamespace, openCrowd, tokenOf } from '../suite/listed-logins.ts';
import { offered } from '../suite/offered.ts';
import { memcached } from './backend.ts';
import { remove } from './commands.ts';
import { type MemcachedFixture, startMemcachedFixture } from './fixture.ts';

let server: MemcachedFixture;
const opened: SessionStore[] = [];
const proxies: (() => void)[] = [];
const contexts = new Map<SessionStore, OpenContext>();
const contextOf = (store: SessionStore) => contexts.get(store) as OpenContext;
beforeAll(async () => {
  server = await startMemcachedFixture();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
  for (const close of proxies.splice(0)) close();
});
afterAll(() => server.stop());

async function crowd(): Promise<[SessionStore, ...SessionStore[]]> {
  const namespace = newNamespace();
  const context = contextFor(memcached, { serviceUrl: server.url, durability: 'none', namespace });
  const stores = await openCrowd(context, { definition: memcached });
  opened.push(...stores);
  for (const store of stores) contexts.set(store, context);
  return stores;
}

describeListedLogins('on Memcached', {
  definition: memcached,
  durability: 'none',
  serviceUrl: async () => server.url,
});

test('a list that is read during a revocation is not half of one', async () => {
  const [one] = await crowd();
  for (let i = 0; i < 2; i += 1) await one.create({ userId: 'halved', role: 'user', data: 'd' });
  // To open two commands are sent, then one for the list, and one for each login.
  const held = await holdAfter(4);
  const two = await openStore(memcached, { ...contextOf(one), serviceUrl: held.url });
  opened.push(two);
  const reading = offered(two, 'users').list('halved');
  await held.reached;
  expect(await offered(one, 'users').revoke('halved')).toBe(2);
  held.release();
  expect(await reading).toEqual([]);
});

/** A proxy to the server that passes on so many commands, and the others once it is released. */
async function holdAfter(commands: number) {
  const { hostname: host, port } = new URL(server.url);
  const sockets: Socket[] = [];
  let reach: () => void = () => undefined;
  let release: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let left = commands;
  const proxy = createServer((client) => {
    const upstream = connect({ host, port: Number(port) });
    sockets.push(client, upstream);
    upstream.pipe(client);
    client.on('data', async (chunk) => {
      for (const command of chunk.toString('latin1').split(/(?<=\n)/)) {
        if (left === 0) {
          reach();
          await released;
        } else left -= 1;
        upstream.write(command, 'latin1');
      }
    });
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  proxies.push(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  return { url: `memcached://127.0.0.1:${(proxy.address() as AddressInfo).port}`, reached, release };
}

test('a session that is in no list is ended by its logout all the same, and by no other user', async () => {
  const [store] = await crowd();
  const token = tokenOf(await store.create({ userId: 'unlisted', role: 'user', data: 'd' }));
  const { handle = '' } = (await store.read(token)) ?? {};
  await server.talk(async (link) => {
    const keys = (await link.askLines('lru_crawler metadump hash\r\n')).map(({ code }) =>
      decodeURIComponent(code),
    );
    for (const key of keys) if (key.includes(':u:')) await remove(link, key.replace('key=', ''));
  });
  expect(await offered(store, 'users').list('unlisted')).toEqual([]);
  expect(await offered(store, 'users').destroyLogin('other', handle)).toBe(false);
  expect(await store.read(token)).toBeDefined();
  expect(await store.destroy(token)).toBe(true);
  expect(await store.read(token)).toBeUndefined();
});

test('what is left behind: a logout and a revocation leave nothing of a user', async () => {
  const [store] = await crowd();
  const before = (await store.stats()).sessions;
  const [one, two] = [
    tokenOf(await store.create({ userId: 'leaver', role: 'user', data: 'd' })),
    tokenOf(await store.create({ userId: 'leaver', role: 'user', data: 'd' })),
  ];
  expect((await store.stats()).sessions).toBe((before ?? 0) + 3);
  await store.destroy(one);
  await store.destroy(two);
  expect((await store.stats()).sessions).toBe(before);
  await store.create({ userId: 'leaver', role: 'user', data: 'd' });
  await offered(store, 'users').setDisabled('leaver', true);
  expect((await store.stats()).sessions).toBe((before ?? 0) + 1);
  await offered(store, 'users').setDisabled('leaver', false);
  expect((await store.stats()).sessions).toBe(before);
});
