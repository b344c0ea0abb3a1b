/** What tests of outages share: every call of a store that asks its service, and what becomes of it without the service. */

import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { expect } from 'vitest';
import { type SessionStore, StoreUnavailableError } from '../store.ts';
import { offered } from './offered.ts';

export type Calls = Readonly<Record<string, () => Promise<unknown>>>;

/** The token of a new login. */
export async function logInTo(store: SessionStore, userId = 'u1', data = 'd'): Promise<string> {
  const result = await store.create({ userId, role: 'user', data });
  if (result.status !== 'created') throw new Error(`expected a login, got ${result.status}`);
  return result.token;
}

/** Every method that asks the service. @param token a well-formed one. */
export function everyCall(store: SessionStore, token: string): Calls {
  const users = offered(store, 'users');
  const { sweep } = store;
  return {
    create: () => store.create({ userId: 'u2', role: 'user', data: 'd' }, { cap: 5, onCap: 'evict' }),
    createAtLimit: () => store.create({ userId: 'u1', role: 'user', data: 'd' }, { cap: 2, onCap: 'evict' }),
    createAnonymous: () => store.create({ role: 'user', data: 'd' }),
    read: () => store.read(token),
    update: () => store.update(token, 'new'),
    updateIfVersion: () => store.update(token, 'x', 1),
    touch: () => store.touch(token),
    rotate: () => store.rotate(token, {}),
    rotateToUser: () => store.rotate(token, { userId: 'u2' }),
    destroy: () => store.destroy(token),
    destroyLogin: () => users.destroyLogin('u1', 'A'.repeat(43)),
    revokeUser: () => users.revoke('u1'),
    setDisabled: () => users.setDisabled('u3', true),
    listUser: () => users.list('u1'),
    stats: () => store.stats(),
    ...(sweep === undefined ? {} : { sweep: () => sweep(1) }),
  };
}

/** Each of these calls, one after the other, is an outage with its cause, within the limit. */
export async function expectOutage(calls: Calls, limitMs: number): Promise<void> {
  for (const [name, call] of Object.entries(calls)) {
    const startMs = performance.now();
    const error = await call().then(
      (value) => new Error(`${name} answered ${inspect(value)}`),
      (reason: unknown) => reason,
    );
    expect(error, name).toBeInstanceOf(StoreUnavailableError);
    expect((error as StoreUnavailableError).cause, name).toBeInstanceOf(Error);
    expect(performance.now() - startMs, name).toBeLessThan(limitMs);
  }
}

/** Waits until a call succeeds. */
export async function untilItAnswers(call: () => Promise<unknown>, timeout: number): Promise<void> {
  await expect.poll(() => call().then(() => 'answers', String), { timeout }).toBe('answers');
}

/** Waits until the store works again, by itself. */
export async function expectRecovery(store: SessionStore, limitMs: number): Promise<void> {
  let last: unknown;
  for (const startMs = performance.now(); performance.now() - startMs < limitMs; await sleep(20)) {
    try {
      const token = await logInTo(store);
      if ((await store.read(token)) !== undefined && (await store.touch(token)) !== undefined) return;
    } catch (error) {
      last = error;
    }
  }
  throw new Error('the store did not recover', { cause: last });
}
