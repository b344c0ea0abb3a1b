import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newSid } from '../jwt/sid.ts';
import { DenyListLostError } from '../jwt-blacklist/deny-list.ts';
import { openPostgresDenyList } from '../jwt-blacklist/deny-list-postgres.ts';
import { openStore } from '../open.ts';
import { type OpenContext, type SessionStore, StoreUnavailableError } from '../store.ts';
import { contextFor } from '../suite/context.ts';
import { everyCall, expectOutage, expectRecovery, logInTo } from '../suite/outage.ts';
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

const context = (changes: Partial<OpenContext> = {}): OpenContext =>
  contextFor(postgres, {
    durability: 'commit',
    serviceUrl: server.url,
    poolSize: POOL_SIZE,
    onBackgroundError: (error) => void lostConnections.push(error),
    ...changes,
  });

async function open(changes?: Partial<OpenContext>): Promise<SessionStore> {
  const store = await openStore(postgres, context(changes));
  opened.push(store);
  return store;
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
      const token = await logInTo(store);
      await server.crash();
      try {
        await expectOutage(everyCall(store, token), HANG_GUARD_MS);
      } finally {
        await server.start();
      }
      await expectRecovery(store, HANG_GUARD_MS);
      expect(await store.read(token)).toMatchObject({ userId: 'u1' });
    });

    test(`silent: each call is an error within bounds, then it works again ${title}`, async () => {
      const store = await open({ options });
      const token = await logInTo(store);
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
      await expectRecovery(store, HANG_GUARD_MS);
    });

    test(`connections ended by an administrator are replaced ${title}`, async () => {
      const store = await open({ options });
      const token = await logInTo(store);
      for (const pid of await backendsOf()) await server.query('select pg_terminate_backend($1)', [pid]);
      await expectRecovery(store, HANG_GUARD_MS);
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
      const tokens = await Promise.all(Array.from({ length: 200 }, (_, i) => logInTo(store, `u${i}`)));
      if (durability === 'second') await sleep(WRITTEN_WITHIN_MS);
      await server.crash();
      await server.start();
      await expectRecovery(store, HANG_GUARD_MS);
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
