import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { newSid } from '../jwt/sid.ts';
import { jwtBlacklist } from '../jwt-blacklist/backend.ts';
import { DENY_TOLERANCE_MS } from '../jwt-blacklist/deny-list.ts';
import { openPostgresDenyList } from '../jwt-blacklist/deny-list-postgres.ts';
import { openStore } from '../open.ts';
import { defaultOptions } from '../options.ts';
import type { OpenContext } from '../store.ts';
import { atOnce, CROWD, expectLimitForCrowd } from '../suite/crowd.ts';
import { offered } from '../suite/offered.ts';
import { postgres } from './backend.ts';
import { type PostgresFixture, startPostgresFixture } from './fixture.ts';
import { schemaName } from './setup.ts';

/** The limit on logins under true concurrency, in sessions and in the deny list; and what else the deny list owes. */

let server: PostgresFixture;
let clockMs = Date.now();
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  server = await startPostgresFixture();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});
afterAll(() => server.stop());

const freshNamespace = () => `l${randomBytes(6).toString('hex')}`;

function context(namespace: string): OpenContext {
  return {
    options: {},
    durability: 'second',
    serviceUrl: server.url,
    namespace,
    poolSize: CROWD.poolSize,
    idleSeconds: 600,
    absoluteSeconds: 3600,
    touchIntervalSeconds: 0,
    accessSeconds: 60,
    secret: randomBytes(32),
    maxTokenBytes: 4000,
    controlData: () => '',
    now: () => clockMs,
    onBackgroundError: (error) => {
      throw error;
    },
  };
}

async function crowd<T extends { close(): Promise<void> }>(
  openOne: (context: OpenContext) => Promise<T>,
): Promise<T[]> {
  const namespace = freshNamespace();
  const servers: T[] = [];
  while (servers.length < CROWD.servers) {
    const one = await openOne(context(namespace));
    opened.push(one);
    servers.push(one);
  }
  return servers;
}

for (const onCap of ['evict', 'refuse'] as const) {
  const limit = { cap: 5, onCap };
  const admitted = onCap === 'evict' ? CROWD.logins : limit.cap;

  test(`the limit holds for a crowd that logs in or rotates at once: ${onCap}`, async () =>
    expectLimitForCrowd(await crowd(postgres.open), onCap));

  test(`the limit of the deny list holds for a crowd at once: ${onCap}`, async () => {
    const servers = await crowd(openPostgresDenyList);
    const absoluteExpiryMs = clockMs + 3_600_000;
    const times = { createdAtMs: clockMs, idleExpiryMs: clockMs + 600_000, absoluteExpiryMs };
    for (let round = 0; round < CROWD.rounds; round += 1) {
      const [created, rotated] = [`created${round}`, `rotated${round}`];
      const results = await atOnce(servers, (one) =>
        one.admit({ sid: newSid(), userId: created, ...times }, limit),
      );
      expect(results.filter((result) => result.status === 'admitted')).toHaveLength(admitted);
      expect(await servers[0]?.list(created)).toHaveLength(limit.cap);

      const olds = Array.from({ length: CROWD.logins }, () => ({ sid: newSid(), absoluteExpiryMs }));
      const next = () => ({ sid: newSid(), userId: rotated, ...times });
      const outcomes = await atOnce(servers, (one, i) => one.rotate(olds[i] ?? NOBODY, next(), limit));
      expect(outcomes.filter((result) => result?.status === 'admitted')).toHaveLength(admitted);
      expect(await servers[0]?.list(rotated)).toHaveLength(limit.cap);
      const denied = await atOnce(servers, async (one, i) => one.isDenied(olds[i]?.sid ?? ''));
      expect(denied.filter(Boolean)).toHaveLength(admitted);
    }
  });
}

test('a login that evicts finds those that are being rotated, though their ids change', async () => {
  const namespace = freshNamespace();
  const schema = schemaName('sessions', namespace, false);
  const store = await openStore(postgres, context(namespace));
  opened.push(store);
  const session = { userId: 'moving', role: 'user', data: 'd' } as const;
  const first = await store.create(session);
  // A bystander holds the row until both wait: the rotation for it, the login for the rotation.
  const release = await server.hold(`select from ${schema}.sessions where user_id = 'moving' for update`);
  const rotated = store.rotate(first.status === 'created' ? first.token : '', {});
  await expect.poll(server.waiting).toBe(1);
  const created = store.create(session, { cap: 1, onCap: 'evict' });
  await expect.poll(server.waiting).toBe(2);
  await release();
  expect((await rotated)?.status).toBe('created');
  expect(await created).toMatchObject({ status: 'created', evicted: [expect.any(String)] });
  expect(await offered(store, 'users').list('moving')).toHaveLength(1);
});

for (const [kind, definition, rows] of [
  ['sessions', postgres, 'sessions'],
  ['denials', jwtBlacklist, 'logins'],
] as const)
  test(`a login that a logout ends is not named by a login that would evict it: ${kind}`, async () => {
    const namespace = freshNamespace();
    const options = { ...defaultOptions(definition), ...(definition === jwtBlacklist && { db: 'postgres' }) };
    const store = await openStore(definition, { ...context(namespace), options });
    opened.push(store);
    const users = offered(store, 'users');
    const session = { userId: 'leaving', role: 'user', data: 'd' } as const;
    await store.create(session);
    const [login] = await users.list('leaving');
    // A bystander holds the row until both wait for it, the logout first.
    const schema = schemaName(kind, namespace, false);
    const release = await server.hold(`select from ${schema}.${rows} where user_id = 'leaving' for update`);
    const left = users.destroyLogin('leaving', login?.handle ?? '');
    await expect.poll(server.waiting).toBe(1);
    const created = store.create(session, { cap: 1, onCap: 'evict' });
    await expect.poll(server.waiting).toBe(2);
    await release();
    expect(await left).toBe(true);
    expect(await created).toMatchObject({ status: 'created', evicted: [] });
    expect(await users.list('leaving')).toHaveLength(1);
  });

const NOBODY = { sid: '', absoluteExpiryMs: 0 };

test('the deny list: a rotation that loses its race, or is refused, evicts nobody', async () => {
  const servers = await crowd(openPostgresDenyList);
  const absoluteExpiryMs = clockMs + 3_600_000;
  const times = { createdAtMs: clockMs, idleExpiryMs: clockMs + 600_000, absoluteExpiryMs };
  const [one] = servers;
  const limit = { cap: 5, onCap: 'evict' } as const;
  for (let round = 0; round < CROWD.rounds; round += 1) {
    // One anonymous session, that a crowd turns into logins of as many users, each at the limit.
    const old = { sid: newSid(), absoluteExpiryMs };
    const user = (i: number) => `r${round}-${i}`;
    for (let i = 0; i < 5; i += 1)
      await atOnce(servers, (any, j) => any.admit({ sid: newSid(), userId: user(j), ...times }));
    const results = await atOnce(servers, (any, i) =>
      any.rotate(old, { sid: newSid(), userId: user(i), ...times }, limit),
    );
    const winners = results.filter((result) => result !== undefined);
    expect(winners).toMatchObject([{ status: 'admitted', evicted: [expect.any(String)] }]);
    const counts = await atOnce(servers, async (any, i) => (await any.list(user(i))).length);
    expect(new Set(counts)).toEqual(new Set([5]));
  }
  await one?.setDisabled('closed', true);
  const kept = { sid: newSid(), absoluteExpiryMs };
  expect(await one?.rotate(kept, { sid: newSid(), userId: 'closed', ...times })).toEqual({
    status: 'disabled',
  });
  expect(await one?.isDenied(kept.sid)).toBe(false);
});

test('the deny list is swept of what time has made superfluous, and of nothing else', async () => {
  const list = await openPostgresDenyList(context(freshNamespace()));
  opened.push(list);
  const absoluteExpiryMs = clockMs + 100_000;
  const entry = { createdAtMs: clockMs, idleExpiryMs: clockMs + 50_000, absoluteExpiryMs };
  const [denied, idle] = [newSid(), newSid()];
  await list.deny({ sid: denied, absoluteExpiryMs });
  await list.admit({ sid: idle, userId: 'u', ...entry });
  clockMs += 50_000 + DENY_TOLERANCE_MS - 1;
  expect(await list.list('u')).toEqual([]);
  expect(await list.sweep?.(10)).toBe(0);
  // A server whose clock is behind may still take its tokens: revoking denies it, without counting it.
  expect(await list.denyUser('u')).toBe(0);
  expect(await list.isDenied(idle)).toBe(true);
  clockMs += 50_001;
  expect(await list.sweep?.(1)).toBe(1);
  expect(await list.sweep?.(10)).toBe(1);
  expect(await list.isDenied(denied)).toBe(false);
});
