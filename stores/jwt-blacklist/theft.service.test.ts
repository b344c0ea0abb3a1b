import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../open.ts';
import { startPostgresFixture } from '../postgres/fixture.ts';
import { schemaName } from '../postgres/setup.ts';
import { startRedisFixture } from '../redis/fixture.ts';
import type { OpenContext, SessionStore } from '../store.ts';
import { offered } from '../suite/offered.ts';
import { isLive, login, pairOf, rotate, rotating } from '../suite/refresh-fixture.ts';
import { jwtBlacklist } from './backend.ts';

/** What a thief of a token, or of a refresh token, makes of it by rotating. */

const ROUNDS = 15;
const AT_ONCE = 20;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(context: OpenContext): Promise<SessionStore> {
  const store = await openStore(jwtBlacklist, context);
  cleanups.push(() => store.close());
  return store;
}

describe.each(['redis', 'postgres'])('theft and rotation with db=%s', (db) => {
  let service: { url: string; stop(): Promise<void> };
  beforeAll(async () => {
    service = db === 'redis' ? await startRedisFixture('second') : await startPostgresFixture();
  });
  afterAll(() => service.stop());

  test('a stolen token alone rotates no login, whatever comes with it', async () => {
    const store = await open(rotating(service.url, { options: { db } }));
    const [victim, stranger] = [await login(store, 'victim'), await login(store, 'stranger')];
    const garbage = ['', 'x', victim.token, `${victim.refreshToken}x`, stranger.refreshToken, undefined];
    for (const refreshToken of garbage)
      for (const patch of [{}, { userId: 'victim' }, { userId: 'thief', role: 'admin' } as const])
        expect(await store.rotate(victim.token, { ...patch, refreshToken })).toBeUndefined();
    expect(await store.rotate(victim.token, {}, { cap: 1, onCap: 'evict' })).toBeUndefined();
    // Nothing has changed for anybody.
    expect(await offered(store, 'users').list('thief')).toEqual([]);
    for (const pair of [victim, stranger]) {
      expect(await isLive(store, pair.token)).toBe(true);
      expect(await isLive(store, (await rotate(store, pair)).token)).toBe(true);
    }
  });

  test('a stolen refresh token that was rotated away is detected at its next use, and its login ends', async () => {
    const context = rotating(service.url, { options: { db } });
    const [store, other] = [await open(context), await open(context)];
    // Every path of a few steps that ends in a rotation; and one that is too long to follow step by step.
    const paths = ['t', 'rt', 'tt', 'rrt', 'rtr', 'trt', 'rtrtt', 'rt'.repeat(40)];
    for (const [i, path] of paths.entries()) {
      const user = `robbed${i}`;
      const [bystander, victim] = [await login(store, user), await login(store, user)];
      const stolen = [victim];
      for (const step of path) {
        const latest = stolen.at(-1) ?? victim;
        stolen.push(
          step === 't'
            ? await rotate(other, latest)
            : pairOf(await offered(other, 'refresh')(latest.refreshToken)),
        );
      }
      // Each older one is a reuse as well; the first use of any ends them all.
      const reused = i % 2 === 0 ? victim : (stolen.at(-2) ?? victim);
      expect(await offered(store, 'refresh')(reused.refreshToken, reused.token)).toEqual({
        status: 'reused',
      });
      for (const { token, refreshToken } of stolen) {
        expect(await isLive(other, token)).toBe(false);
        expect(await other.rotate(token, { refreshToken })).toBeUndefined();
        expect(await offered(other, 'refresh')(refreshToken)).toEqual({ status: 'gone' });
      }
      expect(await isLive(store, bystander.token)).toBe(true);
      expect(await offered(store, 'users').list(user)).toHaveLength(1);
    }
  });

  test('a victim that only logs out ends the thief too, by its refresh token', async () => {
    const store = await open(rotating(service.url, { options: { db } }));
    const victim = await login(store);
    const thief = await rotate(store, await rotate(store, victim));
    expect(await store.destroy(victim.token)).toBe(false);
    expect(await isLive(store, thief.token)).toBe(true);
    expect(await store.destroy(victim.refreshToken)).toBe(true);
    expect(await isLive(store, thief.token)).toBe(false);
    expect(await store.destroy(victim.refreshToken)).toBe(false);
    expect(await offered(store, 'refresh')(thief.refreshToken)).toEqual({ status: 'gone' });
  });

  test('a rotation by a refresh token that was used before is a reuse, which ends the login', async () => {
    const store = await open(rotating(service.url, { options: { db } }));
    const victim = await login(store);
    const thief = pairOf(await offered(store, 'refresh')(victim.refreshToken));
    expect(await store.rotate(victim.token, { refreshToken: victim.refreshToken })).toBeUndefined();
    for (const { token } of [victim, thief]) expect(await isLive(store, token)).toBe(false);
    expect(await offered(store, 'refresh')(thief.refreshToken)).toEqual({ status: 'gone' });
  });

  test('of a refresh and a rotation by one refresh token in flight one wins, and no line of tokens lives on', async () => {
    const store = await open(rotating(service.url, { options: { db } }));
    const race = async (_: unknown, i: number) => {
      const pair = await login(store, `rotated${i}`);
      const { token, refreshToken } = pair;
      const calls = [
        () => offered(store, 'refresh')(refreshToken),
        () => store.rotate(token, { refreshToken }),
      ] as const;
      const [first, second] = i % 2 === 0 ? calls : ([calls[1], calls[0]] as const);
      const results = await Promise.all([first(), second()]);
      const won = results.filter((result) => result?.status === 'refreshed' || result?.status === 'created');
      expect(won).toHaveLength(1);
      for (const one of [pair, ...won.map(pairOf)]) expect(await isLive(store, one.token)).toBe(false);
      expect(await offered(store, 'users').list(`rotated${i}`)).toEqual([]);
    };
    for (let round = 0; round < ROUNDS; round += 1) await Promise.all(Array.from({ length: AT_ONCE }, race));
  });

  test('no rotation in flight outruns a reuse, or a logout, by an older refresh token of its family', async () => {
    const context = rotating(service.url, { options: { db } });
    const [store, other] = [await open(context), await open(context)];
    const race = async (_: unknown, i: number) => {
      const victim = await login(store, `outrun${i}`);
      const thief = await rotate(store, i % 4 < 2 ? victim : await rotate(store, victim));
      const found =
        i % 2 === 0
          ? offered(other, 'refresh')(victim.refreshToken).then(({ status }) => status)
          : other.destroy(victim.refreshToken).then((ended) => (ended ? 'reused' : 'gone'));
      const [status, rotated] = await Promise.all([
        found,
        store.rotate(thief.token, { refreshToken: thief.refreshToken }),
      ]);
      expect(status).toBe('reused');
      if (rotated !== undefined) expect(await isLive(store, pairOf(rotated).token)).toBe(false);
      expect(await offered(store, 'users').list(`outrun${i}`)).toEqual([]);
    };
    for (let round = 0; round < ROUNDS; round += 1) await Promise.all(Array.from({ length: AT_ONCE }, race));
  });
});

test.each(['refresh', 'logout'])(
  'on postgres, a %s by an old refresh token waits for a rotation of its family',
  async (use) => {
    const server = await startPostgresFixture();
    cleanups.push(() => server.stop());
    const context = rotating(server.url, { options: { db: 'postgres' } });
    const store = await open(context);
    const victim = await login(store);
    const thief = await rotate(store, victim);
    const schema = schemaName('denials', context.namespace, false);
    const release = await server.hold(`select from ${schema}.logins for update`);
    const rotated = store.rotate(thief.token, { refreshToken: thief.refreshToken });
    await expect.poll(server.waiting).toBe(1);
    const used =
      use === 'refresh' ? offered(store, 'refresh')(victim.refreshToken) : store.destroy(victim.refreshToken);
    await expect.poll(server.waiting).toBe(2);
    await release();
    expect(await used).toEqual(use === 'refresh' ? { status: 'reused' } : true);
    expect(await isLive(store, pairOf(await rotated).token)).toBe(false);
  },
);
