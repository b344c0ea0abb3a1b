import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../open.ts';
import type { Durability } from '../service.ts';
import { type OpenContext, type SessionStore, StoreUnavailableError } from '../store.ts';
import { offered } from '../suite/offered.ts';
import {
  type Calls,
  everyCall as everyCallOfSessions,
  expectOutage,
  expectRecovery,
  logInTo,
} from '../suite/outage.ts';
import { traitsOf } from '../traits.ts';
import { mariadb } from './backend.ts';
import { contextFor, type MariadbFixture, startMariadbFixture } from './fixture.ts';
import { prefixOf } from './setup.ts';

/** Bound against hanging, on a machine that is busy with other things; the store's own limits are a second. */
const HANG_GUARD_MS = 5_000;
const POOL_SIZE = 4;
const DRIVERS = ['mariadb', 'mysql2'] as const;

const servers = new Map<Durability, MariadbFixture>();
const opened: { close(): Promise<void> }[] = [];
/** Lost connections are reported here; they must not end the process. */
let reports: unknown[] = [];

const serverOf = (durability: Durability) => servers.get(durability) as MariadbFixture;

beforeAll(async () => {
  for (const durability of ['none', 'second', 'commit'] as const)
    servers.set(durability, await startMariadbFixture(durability));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
  reports = [];
});
afterAll(() => Promise.all([...servers.values()].map((server) => server.stop())));

function context(changes: Partial<OpenContext> = {}): OpenContext {
  const serviceUrl = serverOf(changes.durability ?? 'second').url;
  const onBackgroundError = (error: unknown) => void reports.push(error);
  return contextFor({ serviceUrl, poolSize: POOL_SIZE, onBackgroundError, ...changes });
}

async function open(changes?: Partial<OpenContext>): Promise<SessionStore> {
  const store = await openStore(mariadb, context(changes));
  opened.push(store);
  return store;
}

/** Every method that asks MariaDB, with a token that is well-formed. */
function everyCall(store: SessionStore, token: string): Calls {
  const failures = offered(store, 'failedLogins')({ limit: 2, windowSeconds: 600 });
  return {
    ...everyCallOfSessions(store, token),
    addFailure: () => failures.add('u1'),
    isOver: () => failures.isOver('u1'),
    clear: () => failures.clear('u1'),
  };
}

const connectionsOf = async (server: MariadbFixture) =>
  (
    await server.query(
      `select id from information_schema.processlist where user = 'bench' and id <> connection_id()`,
    )
  ).map(([id]) => Number(id));

describe.each(DRIVERS)('outages, driver=%s', (driver) => {
  const options = { driver };

  test('killed: each call is an error, never a miss; back, it works again by itself', async () => {
    const server = serverOf('second');
    const store = await open({ options });
    const token = await logInTo(store);
    await server.crash();
    try {
      await expectOutage(everyCall(store, token), HANG_GUARD_MS);
      // Every connection was lost while no call used it, and there is one outage.
      expect(reports).toHaveLength(1);
    } finally {
      await server.start();
    }
    await expectRecovery(store, HANG_GUARD_MS);
    expect(await store.read(token)).toMatchObject({ userId: 'u1' });
  });

  test('silent: each call is an error within bounds, then it works again', async () => {
    const server = serverOf('second');
    const store = await open({ options });
    const token = await logInTo(store);
    server.signal('SIGSTOP');
    try {
      // At once: one after the other would only add up the same waits.
      const calls = Object.values(everyCall(store, token));
      const startMs = performance.now();
      const outcomes = await Promise.allSettled(calls.map((call) => call()));
      expect(performance.now() - startMs).toBeLessThan(HANG_GUARD_MS);
      for (const outcome of outcomes)
        expect(outcome.status === 'rejected' && outcome.reason).toBeInstanceOf(StoreUnavailableError);
    } finally {
      server.signal('SIGCONT');
    }
    await expectRecovery(store, HANG_GUARD_MS);
  });

  test('connections ended by an administrator are replaced, and reported once', async () => {
    const server = serverOf('second');
    const store = await open({ options });
    const token = await logInTo(store);
    for (const id of await connectionsOf(server)) await server.query(`kill ${id}`);
    await expect.poll(() => reports.length).toBe(1);
    await expectRecovery(store, HANG_GUARD_MS);
    expect(await store.read(token)).toBeDefined();
    expect(reports).toHaveLength(1);
  });

  test('a call that a lock holds up is an error, and leaves no transaction open', async () => {
    const server = serverOf('second');
    const namespace = context().namespace;
    const store = await open({ options, namespace });
    const token = await logInTo(store);
    const release = await server.hold(`select * from ${prefixOf(namespace, false)}sessions for update`);
    const startMs = performance.now();
    const calls = [store.update(token, 'x'), store.rotate(token, {}), offered(store, 'users').revoke('u1')];
    for (const outcome of await Promise.allSettled(calls))
      expect(outcome.status === 'rejected' && outcome.reason).toBeInstanceOf(StoreUnavailableError);
    expect(performance.now() - startMs).toBeLessThan(HANG_GUARD_MS);
    expect(await store.read(token)).toBeDefined();
    await release();
    await expect
      .poll(() => server.query('select 1 from information_schema.innodb_trx'), { timeout: HANG_GUARD_MS })
      .toEqual([]);
    await expectRecovery(store, HANG_GUARD_MS);
    expect(await store.update(token, 'y')).toMatchObject({ status: 'ok' });
  });

  test('a silent server does not hold up close', async () => {
    const server = serverOf('second');
    const store = await openStore(mariadb, context({ options }));
    server.signal('SIGSTOP');
    const startMs = performance.now();
    try {
      await store.close();
    } finally {
      server.signal('SIGCONT');
    }
    expect(performance.now() - startMs).toBeLessThan(HANG_GUARD_MS);
  });

  test('opening without a server, or with too little durability, is an error', async () => {
    const absent = context({ options, serviceUrl: 'mariadb://bench@127.0.0.1:1/bench' });
    await expect(openStore(mariadb, absent)).rejects.toBeInstanceOf(StoreUnavailableError);
    const weaker = context({ options, serviceUrl: serverOf('second').url, durability: 'commit' });
    await expect(openStore(mariadb, weaker)).rejects.toMatchObject({
      cause: { message: expect.stringContaining('innodb_flush_log_at_trx_commit=2') },
    });
  });

  test('a full table is an error that shows neither user nor data, and the next call works', async () => {
    const server = serverOf('second');
    const namespace = context().namespace;
    const store = await open({ options, namespace });
    const token = await logInTo(store);
    const sessions = `${prefixOf(namespace, false)}sessions`;
    // As a full disk ends a statement: with an error of the server, in the midst of a procedure.
    await server.query(
      `create trigger ${sessions}_full before insert on ${sessions} for each row
       signal sqlstate 'HY000' set mysql_errno = 1114, message_text = 'The table is full'`,
    );
    for (const call of [
      () => store.create({ userId: 'alice', role: 'user', data: 'secret-data' }),
      () => store.create({ role: 'user', data: 'secret-data' }),
    ]) {
      const error: unknown = await call().catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect((error as Error).cause).toMatchObject({ errno: 1114 });
      expect(inspect(error, { depth: 8 })).not.toMatch(/alice|secret-data/);
    }
    expect(await store.read(token)).toBeDefined();
    await server.query(`drop trigger ${sessions}_full`);
    await expectRecovery(store, HANG_GUARD_MS);
  });

  test('data beyond what a packet holds is too large, and nothing is lost', async () => {
    const server = await startMariadbFixture('second', ['--max-allowed-packet=1M']);
    opened.push({ close: () => server.stop() });
    const store = await open({ options, serviceUrl: server.url });
    const token = await logInTo(store);
    const [most, more] = ['x'.repeat(1_000_000), 'x'.repeat(1_048_576)];
    expect(await store.update(token, more)).toEqual({ status: 'too-large' });
    expect(await store.rotate(token, { data: more })).toEqual({ status: 'too-large' });
    expect(await store.create({ userId: 'u', role: 'user', data: more })).toEqual({ status: 'too-large' });
    expect(await store.create({ role: 'user', data: more })).toEqual({ status: 'too-large' });
    expect(await store.update(token, most)).toMatchObject({ status: 'ok' });
    expect((await store.read(token))?.data).toBe(most);
    await store.close();
    opened.splice(opened.indexOf(store), 1);
  });
});

describe('kill -9 at once after the last acknowledgement', () => {
  for (const durability of ['none', 'second', 'commit'] as const) {
    const { survivesStoreCrash } = traitsOf(mariadb, {}, durability);
    test(`durability ${durability}: sessions survive: ${survivesStoreCrash}`, async () => {
      const server = serverOf(durability);
      const store = await open({ durability });
      // Older than a second: their log is on the disk, whatever the durability.
      const old = await Promise.all(Array.from({ length: 20 }, (_, i) => logInTo(store, `old${i}`)));
      const [loggedOut = '', ...kept] = old;
      await sleep(1_500);
      expect(await store.destroy(loggedOut)).toBe(true);
      await offered(store, 'users').setDisabled('banned', true);
      const fresh = await Promise.all(Array.from({ length: 180 }, (_, i) => logInTo(store, `u${i}`)));
      await server.crash();
      await server.start();
      await expectRecovery(store, HANG_GUARD_MS);
      const isAlive = async (token: string) => (await store.read(token)) !== undefined;
      const alive = await Promise.all([...kept, ...fresh].map(isAlive));
      expect(alive.filter(Boolean)).toHaveLength(survivesStoreCrash ? 199 : 0);
      // No crash undoes a logout: what is lost is lost as a whole.
      expect(await isAlive(loggedOut)).toBe(false);
      const banned = await store.create({ userId: 'banned', role: 'user', data: 'd' });
      expect(banned.status).toBe(survivesStoreCrash ? 'disabled' : 'created');
    });
  }
});
