import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../open.ts';
import type { OpenContext, SessionStore } from '../store.ts';
import { atOnce, CROWD, expectBansToHold, expectLimitForCrowd } from '../suite/crowd.ts';
import { offered } from '../suite/offered.ts';
import { mariadb } from './backend.ts';
import { contextFor, type MariadbFixture, startMariadbFixture } from './fixture.ts';
import { prefixOf } from './setup.ts';

/** The limit on logins under true concurrency, and the races of logins with what ends them. */

let server: MariadbFixture;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  server = await startMariadbFixture();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});
afterAll(() => server.stop());

const context = (changes: Partial<OpenContext> = {}) =>
  contextFor({ serviceUrl: server.url, poolSize: CROWD.poolSize, ...changes });

async function open(changes?: Partial<OpenContext>): Promise<SessionStore> {
  const store = await openStore(mariadb, context(changes));
  opened.push(store);
  return store;
}

async function crowd(): Promise<SessionStore[]> {
  const { namespace } = context();
  const servers: SessionStore[] = [];
  while (servers.length < CROWD.servers) servers.push(await open({ namespace }));
  return servers;
}

test.each(['evict', 'refuse'] as const)(
  'the limit holds for a crowd that logs in or rotates at once: %s',
  async (onCap) => expectLimitForCrowd(await crowd(), onCap),
);

test('no login slips past disabling its user', async () => {
  const { namespace } = context();
  await expectBansToHold(await open({ namespace }), await open({ namespace }));
});

test('logins that evict, logouts, updates and revocations of one user at once end in no deadlock', async () => {
  const servers = await crowd();
  const users = offered(servers[0], 'users');
  const before = await deadlocks();
  for (let round = 0; round < 10; round += 1) {
    const session = { userId: 'busy', role: 'user', data: 'd'.repeat(256) } as const;
    const made = await atOnce(servers, (one) => one.create(session, { cap: 20, onCap: 'evict' }));
    const tokens = made.map((result) => (result.status === 'created' ? result.token : ''));
    await Promise.all([
      atOnce(servers, (one) => one.create(session, { cap: 10, onCap: 'evict' })),
      atOnce(servers, (one, i) => one.destroy(tokens[i] ?? '')),
      atOnce(servers, (one, i) => one.update(tokens[i] ?? '', 'e'.repeat(i))),
      atOnce(servers, (one, i) => one.rotate(tokens[i] ?? '', {})),
      users.revoke('busy', tokens[0]),
    ]);
    expect((await users.list('busy')).length).toBeLessThanOrEqual(CROWD.logins);
  }
  console.log(`deadlocks: ${(await deadlocks()) - before}`);
});

const deadlocks = async () =>
  Number((await server.query(`show global status like 'Innodb_deadlocks'`))[0]?.[1]);

describe.each(['mariadb', 'mysql2'])('driver=%s', (driver) => {
  test.each([undefined, { cap: 5, onCap: 'evict' }] as const)(
    'a login that waits for its user to be disabled is refused, limit %o',
    async (limit) => {
      const { namespace } = context();
      const store = await open({ namespace, options: { driver } });
      const prefix = prefixOf(namespace, false);
      // As set_disabled does, but slower.
      const commit = await server.hold(
        `select * from ${prefix}locks where slot = crc32('waiting') % 1024 for update`,
        `insert into ${prefix}disabled_users values ('waiting')`,
      );
      const created = store.create({ userId: 'waiting', role: 'user', data: 'd' }, limit);
      await expect.poll(server.waiting, { interval: 150 }).toBe(1);
      await commit('commit');
      expect(await created).toEqual({ status: 'disabled' });
      // Nobody else waits with it.
      const other = await server.hold(`insert into ${prefix}disabled_users values ('another')`);
      expect(await store.create({ userId: 'free', role: 'user', data: 'd' }, limit)).toMatchObject({
        status: 'created',
      });
      await other();
    },
  );

  test('a login that evicts finds those that are being rotated, though their ids change', async () => {
    const { namespace } = context();
    const store = await open({ namespace, options: { driver } });
    const sessions = `${prefixOf(namespace, false)}sessions`;
    const session = { userId: 'moving', role: 'user', data: 'd' } as const;
    const first = await store.create(session);
    // A bystander holds the row until both wait: the rotation for it, the login for the rotation.
    const release = await server.hold(`select * from ${sessions} where user_id = 'moving' for update`);
    const rotated = store.rotate(first.status === 'created' ? first.token : '', {});
    await expect.poll(server.waiting, { interval: 150 }).toBe(1);
    const created = store.create(session, { cap: 1, onCap: 'evict' });
    await expect.poll(server.waiting, { interval: 150 }).toBe(2);
    await release();
    expect((await rotated)?.status).toBe('created');
    expect(await created).toMatchObject({ status: 'created', evicted: [expect.any(String)] });
    expect(await offered(store, 'users').list('moving')).toHaveLength(1);
  });

  test('a login that a logout ends is not named by a login that would evict it', async () => {
    const { namespace } = context();
    const store = await open({ namespace, options: { driver } });
    const users = offered(store, 'users');
    const sessions = `${prefixOf(namespace, false)}sessions`;
    const session = { userId: 'leaving', role: 'user', data: 'd' } as const;
    await store.create(session);
    const [login] = await users.list('leaving');
    // A bystander holds the row until both wait for it, the logout first.
    const release = await server.hold(`select * from ${sessions} where user_id = 'leaving' for update`);
    const left = users.destroyLogin('leaving', login?.handle ?? '');
    await expect.poll(server.waiting, { interval: 150 }).toBe(1);
    const created = store.create(session, { cap: 1, onCap: 'evict' });
    await expect.poll(server.waiting, { interval: 150 }).toBe(2);
    await release();
    expect(await left).toBe(true);
    expect(await created).toMatchObject({ status: 'created', evicted: [] });
    expect(await users.list('leaving')).toHaveLength(1);
  });

  test('a deadlock is no outage: the call that MariaDB ended is repeated', async () => {
    const { namespace } = context();
    const store = await open({ namespace, options: { driver } });
    const prefix = prefixOf(namespace, false);
    const made = await store.create({ userId: 'locked', role: 'user', data: 'd' });
    const token = made.status === 'created' ? made.token : '';
    // A bystander that has changed much more than the login is not the victim.
    await server.query(`create table ${prefix}weight (one int)`);
    const before = await deadlocks();
    const weighty = `insert into ${prefix}weight select seq from seq_1_to_1000`;
    const holding = server.hold(
      weighty,
      `select * from ${prefix}sessions where user_id = 'locked' for update`,
    );
    const release = await holding;
    // The rotation has the lock of its user, and waits for the row; the bystander then wants that lock.
    const rotated = store.rotate(token, {});
    await expect.poll(server.waiting, { interval: 150 }).toBe(1);
    await release(`select * from ${prefix}locks for update`);
    expect((await rotated)?.status).toBe('created');
    expect(await deadlocks()).toBe(before + 1);
  });
});
