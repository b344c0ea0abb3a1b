import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { openStore } from '../open.ts';
import type { CreateResult, OpenContext, SessionStore } from '../store.ts';
import { contextFor } from './context.ts';
import { offered } from './offered.ts';
import type { SuiteSubject } from './store-suite.ts';

/** Must hold where several servers write to one user's list at once, though nothing over two items is atomic there. */

const CROWD = { servers: 3, logins: 50, rounds: 4 };

export const tokenOf = (result: CreateResult | undefined) =>
  result?.status === 'created' ? result.token : '';
const isCreated = (result: CreateResult | undefined) => result?.status === 'created';

const atOnce = <T>(
  stores: readonly SessionStore[],
  call: (store: SessionStore, index: number) => Promise<T>,
) =>
  Promise.all(
    Array.from({ length: CROWD.logins }, (_, i) => call(stores[i % stores.length] as SessionStore, i)),
  );

/** Opens the store of several servers on one namespace. */
export async function openCrowd(context: OpenContext, { definition }: Pick<SuiteSubject, 'definition'>) {
  const one = () => openStore(definition, context);
  const stores = await Promise.all([one(), ...Array.from({ length: CROWD.servers - 1 }, one)]);
  return stores as [SessionStore, ...SessionStore[]];
}

export const newNamespace = () => `l${randomBytes(6).toString('hex')}`;

export function describeListedLogins(title: string, subject: SuiteSubject): void {
  describe(title, () => {
    const opened: SessionStore[] = [];
    afterEach(() => Promise.all(opened.splice(0).map((store) => store.close())));

    async function crowd() {
      const { definition, durability = 'second' } = subject;
      const serviceUrl = await subject.serviceUrl?.();
      const context = contextFor(definition, { serviceUrl, durability, namespace: newNamespace() });
      const stores = await openCrowd(context, subject);
      opened.push(...stores);
      return stores;
    }

    for (const onCap of ['evict', 'refuse'] as const) {
      const limit = { cap: 5, onCap };
      const admitted = onCap === 'evict' ? CROWD.logins : limit.cap;

      test(`the limit holds for a crowd that logs in or rotates at once: ${onCap}`, async () => {
        const stores = await crowd();
        const users = offered(stores[0], 'users');
        for (let round = 0; round < CROWD.rounds; round += 1) {
          const [created, rotated] = [`created${round}`, `rotated${round}`];
          const session = { userId: created, role: 'user', data: 'd' } as const;
          const results = await atOnce(stores, (one) => one.create(session, limit));
          expect(results.filter(isCreated)).toHaveLength(admitted);
          const live = await atOnce(stores, (one, i) => one.read(tokenOf(results[i])));
          expect(live.filter((found) => found !== undefined)).toHaveLength(limit.cap);
          expect(await users.list(created)).toHaveLength(limit.cap);
          const evicted = results.flatMap((result) => (result.status === 'created' ? result.evicted : []));
          expect(new Set(evicted).size).toBe(admitted - limit.cap);
          expect(evicted).toHaveLength(admitted - limit.cap);

          const carts = await atOnce(stores, (one) => one.create({ role: 'user', data: 'cart' }));
          const tokens = carts.map(tokenOf);
          const outcomes = await atOnce(stores, (one, i) =>
            one.rotate(tokens[i] ?? '', { userId: rotated }, limit),
          );
          expect(outcomes.filter(isCreated)).toHaveLength(admitted);
          expect(await users.list(rotated)).toHaveLength(limit.cap);
          // One that was refused is still what it was.
          const left = await atOnce(stores, (one, i) => one.read(tokens[i] ?? ''));
          expect(left.filter((found) => found !== undefined)).toHaveLength(CROWD.logins - admitted);
        }
      });
    }

    test('of many rotations of one session one wins, and the others evict nobody', async () => {
      const stores = await crowd();
      const limit = { cap: 2, onCap: 'evict' } as const;
      for (let round = 0; round < 20; round += 1) {
        const cart = tokenOf(await stores[0].create({ role: 'user', data: 'cart' }));
        const user = (i: number) => `r${round}-${i % 7}`;
        for (let i = 0; i < 7; i += 1)
          for (let n = 0; n < limit.cap; n += 1)
            await stores[0].create({ userId: user(i), role: 'user', data: 'd' });
        const results = await atOnce(stores, (one, i) => one.rotate(cart, { userId: user(i) }, limit));
        const winners = results.filter(isCreated);
        expect(winners).toMatchObject([{ status: 'created', evicted: [expect.any(String)] }]);
        expect(results.filter((result) => result !== undefined)).toHaveLength(1);
        expect(await stores[1]?.read(tokenOf(winners[0]))).toMatchObject({ data: 'cart' });
        for (let i = 0; i < 7; i += 1)
          expect(await offered(stores[0], 'users').list(user(i))).toHaveLength(limit.cap);
      }
    });

    test('a revocation ends what it counts, and each login is counted once', async () => {
      const stores = await crowd();
      for (let round = 0; round < 30; round += 1) {
        const user = `revoked${round}`;
        const tokens = await Promise.all(
          Array.from({ length: 12 }, async (_, i) =>
            tokenOf(await (stores[i % 3] as SessionStore).create({ userId: user, role: 'user', data: 'd' })),
          ),
        );
        const revoking = stores.map((one) => offered(one, 'users').revoke(user));
        const leaving = tokens.slice(0, 4).map((token, i) => (stores[i % 3] as SessionStore).destroy(token));
        const [counts, left] = await Promise.all([Promise.all(revoking), Promise.all(leaving)]);
        const ended = counts.reduce((sum, count) => sum + count, 0) + left.filter(Boolean).length;
        expect(ended).toBe(12);
        const live = await Promise.all(tokens.map((token) => stores[0].read(token)));
        expect(live.filter((found) => found !== undefined)).toEqual([]);
        expect(await offered(stores[0], 'users').list(user)).toEqual([]);
      }
    });

    test('a disabled user has no login, whatever was under way', async () => {
      const stores = await crowd();
      for (let round = 0; round < 20; round += 1) {
        const user = `disabled${round}`;
        const users = offered(stores[0], 'users');
        const first = tokenOf(await stores[0].create({ userId: user, role: 'user', data: 'd' }));
        const cart = tokenOf(await stores[1]?.create({ role: 'user', data: 'cart' }));
        const [, created, entered, rotated] = await Promise.all([
          users.setDisabled(user, true),
          stores[1]?.create({ userId: user, role: 'user', data: 'd' }),
          stores[2]?.rotate(cart, { userId: user }),
          stores[1]?.rotate(first, {}),
        ]);
        const tokens = [first, ...[created, entered, rotated].map(tokenOf)];
        const live = await Promise.all(tokens.map((token) => stores[0].read(token)));
        expect(live.filter((found) => found !== undefined)).toEqual([]);
        expect(await users.list(user)).toEqual([]);
        expect(await stores[2]?.create({ userId: user, role: 'user', data: 'd' })).toEqual({
          status: 'disabled',
        });
      }
    });

    test('an update that was acknowledged during a rotation is in the new session', async () => {
      const stores = await crowd();
      let carried = 0;
      for (let round = 0; round < 100; round += 1) {
        const userId = round % 2 === 0 ? 'carrier' : undefined;
        const token = tokenOf(await stores[0].create({ userId, role: 'user', data: 'old' }));
        const [rotated, updated] = await Promise.all([
          stores[1]?.rotate(token, { role: 'admin' }),
          stores[2]?.update(token, `new ${round}`),
        ]);
        const next = await stores[0].read(tokenOf(rotated));
        expect(await stores[0].read(token)).toBeUndefined();
        const isAcknowledged = updated?.status === 'ok';
        expect(next).toMatchObject({
          role: 'admin',
          data: isAcknowledged ? `new ${round}` : 'old',
          version: isAcknowledged ? 2 : 1,
        });
        if (isAcknowledged) carried += 1;
      }
      console.log(`${carried} of 100 updates came before the rotation was decided`);
      expect(carried).toBeGreaterThan(0);
    });
  });
}
