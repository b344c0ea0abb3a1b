import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newSid } from '../jwt/sid.ts';
import { DenyListLostError } from '../jwt-blacklist/deny-list.ts';
import { openPostgresDenyList } from '../jwt-blacklist/deny-list-postgres.ts';
import { openStore } from '../open.ts';
import { type OpenContext, type SessionStore, StoreUnavailableError } from '../store.ts';
import { offered } from '../suite/offered.ts';
import { traitsOf } from '../traits.ts';
import { postgres } from './backend.ts';
import { type PostgresFixture, startPostgresFixture } from './fixture.ts';

/** Bound against hanging, on a machine that is busy with other things; the driver's own limits are a second. */
const HANG_GUARD_MS = 5_000;
/** More than what `synchronous_commit=off` may lose: three times the log writer's delay of 200 ms. */
const WRITTEN_WITHIN_MS = 1_500;
const POOL_SIZE = 4;

let server: PostgresFixture;
const opened: { close(): Promise<void> }[] = [];
/** Lost connections are reported here; they must not end the process. */
let lostConnections: unknown[] = [];

beforeAll(async () => {
  server = await startPostgresFixture();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
  lostConnections = [];
});
afterAll(() => server.stop());

function context(changes: Partial<OpenContext> = {}): OpenContext {
  return {
    options: {},
    durability: 'commit',
    serviceUrl: server.url,
    namespace: `f${randomBytes(6).toString('hex')}`,
    poolSize: POOL_SIZE,
    idleSeconds: 600,
    absoluteSeconds: 3600,
    touchIntervalSeconds: 60,
    accessSeconds: 60,
    secret: randomBytes(32),
    maxTokenBytes: 4000,
    controlData: () => '',
    now: Date.now,
    onBackgroundError: (error) => lostConnections.push(error),
    ...changes,
  };
}

async function open(changes?: Partial<OpenContext>): Promise<SessionStore> {
  const store = await openStore(postgres, context(changes));
  opened.push(store);
  return store;
}

async function login(store: SessionStore, userId = 'u1'): Promise<string> {
  const result = await store.create({ userId, role: 'user', data: 'd' });
  if (result.status !== 'created') throw new Error(`expected a login, got ${result.status}`);
  return result.token;
}

/** Every method that asks Postgres, with a token that is well-formed. */
function everyCall(store: SessionStore, token: string): Record<string, () => Promise<unknown>> {
  const user = { userId: 'u1', role: 'user', data: 'd' } as const;
  return {
    create: () => store.create(user, { cap: 2, onCap: 'evict' }),
    createAnonymous: () => store.create({ role: 'user', data: 'd' }),
    read: () => store.read(token),
    update: () => store.update(token, 'x', 1),
    touch: () => store.touch(token),
    rotate: () => store.rotate(token, {}),
    rotateToUser: () => store.rotate(token, { userId: 'u2' }),
    destroy: () => store.destroy(token),
    destroyLogin: () => offered(store, 'users').destroyLogin('u1', 'A'.repeat(43)),
    revokeUser: () => offered(store, 'users').revoke('u1'),
    setDisabled: () => offered(store, 'users').setDisabled('u3', true),
    listUser: () => offered(store, 'users').list('u1'),
    sweep: () => offered(store, 'sweep')(1),
    stats: () => store.stats(),
  };
}

async function expectOutage(store: SessionStore, token: string): Promise<void> {
  for (const [name, call] of Object.entries(everyCall(store, token))) {
    const startMs = performance.now();
    const error: unknown = await call().catch((caught: unknown) => caught);
    expect(error, name).toBeInstanceOf(StoreUnavailableError);
    expect((error as Error).cause, name).toBeInstanceOf(Error);
    expect(performance.now() - startMs, name).toBeLessThan(HANG_GUARD_MS);
  }
}

/** Waits until the store works again, by itself; it has a few seconds. */
async function expectRecovery(store: SessionStore): Promise<void> {
  let last: unknown;
  for (const startMs = performance.now(); performance.now() - startMs < HANG_GUARD_MS; await sleep(20)) {
    try {
      const token = await login(store);
      if ((await store.read(token)) !== undefined && (await store.touch(token)) !== undefined) return;
    } catch (error) {
      last = error;
    }
  }
  throw new Error('the store did not recover', { cause: last });
}

const backendsOf = async () =>
  (await server.query(`select pid from pg_stat_activity where application_name = 'session-bench'`)).map(
    (row) => Number(row['pid']),
  );

describe('outages', () => {
  for (const options of [{}, { reads: 'pool' }, { touch: 'async' }]) {
    const title = JSON.stringify(options);
    test(`killed: each call is an error, never a miss; back, it works again by itself ${title}`, async () => {
      const store = await open({ options });
      const token = await login(store);
      await server.crash();
      try {
        await expectOutage(store, token);
      } finally {
        await server.start();
      }
      await expectRecovery(store);
      expect(await store.read(token)).toMatchObject({ userId: 'u1' });
    });

    test(`silent: each call is an error within bounds, then it works again ${title}`, async () => {
      const store = await open({ options });
      const token = await login(store);
      const backends = await backendsOf();
      server.signalAll('SIGSTOP', backends);
      try {
        // At once: one after the other would only add up the same waits.
        const calls = Object.values(everyCall(store, token));
        const startMs = performance.now();
        const outcomes = await Promise.allSettled(calls.map((call) => call()));
        expect(performance.now() - startMs).toBeLessThan(HANG_GUARD_MS);
        for (const outcome of outcomes)
          expect(outcome.status === 'rejected' && outcome.reason).toBeInstanceOf(StoreUnavailableError);
      } finally {
        server.signalAll('SIGCONT', backends);
      }
      await expectRecovery(store);
    });

    test(`connections ended by an administrator are replaced ${title}`, async () => {
      const store = await open({ options });
      const token = await login(store);
      for (const pid of await backendsOf()) await server.query('select pg_terminate_backend($1)', [pid]);
      await expectRecovery(store);
      expect(await store.read(token)).toBeDefined();
      await expect.poll(() => lostConnections.length).toBeGreaterThan(0);
    });
  }

  test('a silent server does not hold up close', async () => {
    const store = await openStore(postgres, context());
    const backends = await backendsOf();
    server.signalAll('SIGSTOP', backends);
    const startMs = performance.now();
    try {
      await store.close();
    } finally {
      server.signalAll('SIGCONT', backends);
    }
    expect(performance.now() - startMs).toBeLessThan(HANG_GUARD_MS);
  });

  test('opening without a server is an error', async () => {
    const closed = context({ serviceUrl: 'postgres://bench@127.0.0.1:1/postgres' });
    await expect(openStore(postgres, closed)).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  test('options in a URL change no durability', async () => {
    const serviceUrl = `${server.url}?options=-c%20synchronous_commit%3Doff`;
    // Opening proves it: every connection is asked what it has.
    const store = await openStore(postgres, context({ serviceUrl, durability: 'commit' }));
    await store.close();
  });
});

describe('a crash of the store', () => {
  for (const durability of ['none', 'second', 'commit'] as const) {
    const { survivesStoreCrash } = traitsOf(postgres, {}, durability);
    test(`durability ${durability}: sessions survive: ${survivesStoreCrash}`, async () => {
      const store = await open({ durability });
      const tokens = await Promise.all(Array.from({ length: 200 }, (_, i) => login(store, `u${i}`)));
      if (durability === 'second') await sleep(WRITTEN_WITHIN_MS);
      await server.crash();
      await server.start();
      await expectRecovery(store);
      const alive = await Promise.all(tokens.map(async (token) => (await store.read(token)) !== undefined));
      expect(alive.filter(Boolean)).toHaveLength(survivesStoreCrash ? 200 : 0);
    });
  }

  test('a deny list that is lost refuses everything; one that is kept still denies', async () => {
    const [unlogged, logged] = [context({ durability: 'none' }), context()];
    const [lost, kept] = [await openPostgresDenyList(unlogged), await openPostgresDenyList(logged)];
    opened.push(lost, kept);
    const subject = { sid: newSid(), absoluteExpiryMs: Date.now() + 60_000 };
    expect([await lost.deny(subject), await kept.deny(subject)]).toEqual([true, true]);
    await server.crash();
    await server.start();
    await sleep(1_000);
    expect(await kept.isDenied(subject.sid)).toBe(true);
    const calls = [
      () => lost.isDenied(newSid()),
      () => lost.deny(subject),
      () => lost.list('u1'),
      () => lost.extend(subject, Date.now()),
      async () => lost.sweep?.(1),
    ];
    for (const call of calls)
      await expect(call()).rejects.toMatchObject({
        name: 'StoreUnavailableError',
        cause: expect.any(DenyListLostError),
      });
    const anew = await openPostgresDenyList(unlogged);
    opened.push(anew);
    expect(anew.epoch).not.toBe(lost.epoch);
    await expect(lost.isDenied(newSid())).rejects.toBeInstanceOf(StoreUnavailableError);
  });
});
