import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { openStore } from '../open.ts';
import { type OpenContext, type SessionStore, StoreUnavailableError } from '../store.ts';
import { contextFor } from '../suite/context.ts';
import { offered } from '../suite/offered.ts';
import { everyCall, expectOutage, logInTo, untilItAnswers } from '../suite/outage.ts';
import { traitsOf } from '../traits.ts';
import { memcached } from './backend.ts';
import { add, get, gets, stats, swap } from './commands.ts';
import { EvictionError, openMemcached } from './connection.ts';
import { type MemcachedFixture, startMemcachedFixture } from './fixture.ts';

/** Only a guard against hanging: each command is bounded by 300 ms, and a method has a few. */
const HANG_GUARD_MS = 3_000;
const RECOVERY_GUARD_MS = 5_000;
const MS_OF_FIVE_ATTEMPTS = 50 + 100 + 200 + 400 + 500;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(...extra: string[]): Promise<MemcachedFixture> {
  const server = await startMemcachedFixture(['-M', ...extra]);
  cleanups.push(() => server.stop());
  return server;
}

async function open(server: MemcachedFixture, changes: Partial<OpenContext> = {}): Promise<SessionStore> {
  const context = contextFor(memcached, { serviceUrl: server.url, durability: 'none', ...changes });
  const store = await openStore(memcached, context);
  cleanups.push(() => store.close());
  return store;
}

const expectAllToFail = (store: SessionStore, token: string) =>
  expectOutage(everyCall(store, token), HANG_GUARD_MS);

describe('an outage of Memcached', () => {
  test('killed: every method throws in bounded time; back: the same store works again, and all is lost', async () => {
    const server = await start();
    const background: unknown[] = [];
    const store = await open(server, { onBackgroundError: (error) => background.push(error) });
    const token = await logInTo(store);
    const doomed = Promise.allSettled(Array.from({ length: 200 }, () => store.update(token, 'in flight')));
    await server.kill();
    for (const outcome of await doomed)
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(StoreUnavailableError);
    await expectAllToFail(store, token);
    // Long enough for several attempts to connect, of which only the first is worth a report.
    await sleep(MS_OF_FIVE_ATTEMPTS);
    expect(background).toHaveLength(1);

    await server.restart();
    await untilItAnswers(() => store.read(token), RECOVERY_GUARD_MS);
    expect(await store.read(token)).toBeUndefined();
    expect(traitsOf(memcached, {}, 'commit').survivesStoreCrash).toBe(false);
    for (const call of Object.values(everyCall(store, await logInTo(store, 'u9')))) await call();
    expect(background).toHaveLength(1);

    await server.kill();
    await expectAllToFail(store, token);
    await expect.poll(() => background).toHaveLength(2);
  });

  test('frozen: every method throws in bounded time, and late replies do not mix up later calls', async () => {
    const server = await start();
    const store = await open(server, { onBackgroundError: () => undefined });
    const token = await logInTo(store);
    server.pause();
    await expectAllToFail(store, token);
    server.resume();
    await untilItAnswers(() => store.read(token), RECOVERY_GUARD_MS);
    const others = await Promise.all(Array.from({ length: 50 }, (_, i) => logInTo(store, 'u2', `data ${i}`)));
    const seen = await Promise.all(others.map(async (other) => (await store.read(other))?.data));
    expect(seen).toEqual(others.map((_, i) => `data ${i}`));
  });

  test('frozen for a moment: what was late is done or not, and each call has its own reply', async () => {
    const server = await start();
    const store = await open(server, { onBackgroundError: () => undefined });
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, i) => logInTo(store, `u${i}`, `data ${i}`)),
    );
    for (let round = 0; round < 3; round += 1) {
      server.pause();
      const late = Promise.allSettled(tokens.map((token) => store.read(token)));
      await sleep(400);
      server.resume();
      await late;
      const seen = await Promise.all(tokens.map(async (token) => (await store.read(token))?.data));
      expect(seen).toEqual(tokens.map((_, i) => `data ${i}`));
    }
  });

  test('no server at opening: StoreUnavailableError that says where and what to do', async () => {
    const server = await start();
    await server.kill();
    const error = await open(server).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(String((error as Error).cause)).toMatch(
      /127\.0\.0\.1:\d+: expected a connection.*ECONNREFUSED.*Remedy/,
    );
  });

  test('a restart between a read and its swap: the number that was read means nothing to the new server', async () => {
    const server = await start();
    const store = await open(server, { onBackgroundError: () => undefined });
    for (let round = 0; round < 5; round += 1) {
      await logInTo(store, 'alice');
      const logins = Array.from({ length: 30 }, () => logInTo(store, 'alice').catch(() => undefined));
      await server.kill();
      await server.restart();
      await Promise.all(logins);
      await untilItAnswers(() => store.stats(), RECOVERY_GUARD_MS);
      // Every login that was acknowledged after the restart is in the list, and can be revoked.
      const tokens = await Promise.all(Array.from({ length: 5 }, () => logInTo(store, 'alice')));
      expect((await offered(store, 'users').list('alice')).length).toBeGreaterThanOrEqual(5);
      expect(await offered(store, 'users').revoke('alice')).toBeGreaterThanOrEqual(5);
      for (const token of tokens) expect(await store.read(token)).toBeUndefined();
    }
  });

  test('an operation does not go on over another connection', async () => {
    const server = await start();
    const context = contextFor(memcached, { serviceUrl: server.url, onBackgroundError: () => undefined });
    const connection = await openMemcached(context);
    cleanups.push(connection.close);
    const swapped = connection.run('swap', async (link) => {
      await add(link, 'key', 'before', 'ever');
      const found = await gets(link, 'key');
      await server.kill();
      await server.restart();
      await untilItAnswers(() => connection.run('see', (other) => stats(other)), RECOVERY_GUARD_MS);
      // The first number of a new server, as that of the old one was.
      await connection.run('add', (other) => add(other, 'key', 'after', 'ever'));
      expect((await connection.run('read', (other) => gets(other, 'key')))?.cas).toBe(found?.cas);
      return swap(link, 'key', 'lost', 'ever', found?.cas ?? '');
    });
    await expect(swapped).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(await connection.run('read', (link) => get(link, 'key'))).toBe('after');
  });

  test('closing while it is down ends the attempts', async () => {
    const server = await start();
    const store = await open(server, { onBackgroundError: () => undefined });
    await server.kill();
    await expect(store.stats()).rejects.toBeInstanceOf(StoreUnavailableError);
    await store.close();
    await server.restart();
    const connections = () =>
      server.talk(async (link) => Number((await stats(link)).get('total_connections')));
    const before = await connections();
    await sleep(MS_OF_FIVE_ATTEMPTS);
    // The one that asks.
    expect(await connections()).toBe(before + 1);
  });
});

describe('a Memcached that refuses', () => {
  test('evictions: refused at opening', async () => {
    const server = await startMemcachedFixture([]);
    cleanups.push(() => server.stop());
    await expect(open(server)).rejects.toThrow(EvictionError);
    await expect(open(server)).rejects.toThrow(/expected evictions off.*Remedy: start it with -M/);
  });

  test('data beyond what an item holds are too large, and what was there stays', async () => {
    const server = await start();
    const store = await open(server);
    const [fits, large] = ['x'.repeat(1_048_000), 'x'.repeat(1_048_576)];
    expect(await store.create({ userId: 'u1', role: 'user', data: large })).toEqual({ status: 'too-large' });
    expect(await store.create({ role: 'user', data: large })).toEqual({ status: 'too-large' });
    const token = await logInTo(store, 'u1', 'small');
    expect(await store.update(token, large)).toEqual({ status: 'too-large' });
    expect(await store.rotate(token, { data: large })).toEqual({ status: 'too-large' });
    expect(await store.read(token)).toMatchObject({ data: 'small', version: 1 });
    expect(await store.update(token, fits)).toEqual({ status: 'ok', version: 2 });
    expect((await store.read(token))?.data).toBe(fits);
    expect(await offered(store, 'users').list('u1')).toHaveLength(1);
  });

  test('full: a login is an error, not a miss; what is there is read, and ended all the same', async () => {
    const server = await start('-m', '2', '-o', 'no_slab_reassign,no_slab_automove');
    const store = await open(server);
    const users = offered(store, 'users');
    const data = 'x'.repeat(700);
    const [kept, ended] = [await logInTo(store, 'u1', data), await logInTo(store, 'u1', data)];
    const revoked = [await logInTo(store, 'u2', data), await logInTo(store, 'u2', data)];
    await server.talk(fill);
    const refused = await store.create({ userId: 'u3', role: 'user', data }).catch((e: unknown) => e);
    expect(refused).toBeInstanceOf(StoreUnavailableError);
    expect(String((refused as Error).cause)).toMatch(/out of memory/);
    expect(inspect(refused, { depth: 9 })).not.toContain('xxx');
    await expect(store.create({ role: 'user', data })).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(store.update(kept, data)).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(store.touch(kept)).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(store.rotate(kept, {})).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(await store.read(kept)).toMatchObject({ data, version: 1 });

    expect(await store.destroy(ended)).toBe(true);
    expect(await store.read(ended)).toBeUndefined();
    expect(await users.revoke('u2')).toBe(2);
    for (const token of revoked) expect(await store.read(token)).toBeUndefined();
    expect(await store.read(kept)).toBeDefined();
  });
});

/** Takes all memory, of every size of item that a session or a list has. */
async function fill(link: Parameters<typeof add>[0]): Promise<void> {
  for (let bytes = 900; bytes >= 10; bytes -= 10) {
    const value = 'f'.repeat(bytes);
    for (let count = 0; (await add(link, `fill${bytes}-${count}`, value, 'ever')) === 'stored'; count += 1);
  }
}
