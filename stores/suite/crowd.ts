/** Logins that are truly at once, over several servers, and what must hold for them. */

import { expect } from 'vitest';
import type { SessionStore } from '../store.ts';
import { offered } from './offered.ts';

/** Enough connections, of several servers, that logins are truly at once: few would hide a missing lock. */
export const CROWD = { servers: 3, poolSize: 12, logins: 48, rounds: 4 };

/** As many calls as the crowd has logins, spread over the servers. */
export const atOnce = <S, T>(servers: readonly S[], call: (server: S, index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: CROWD.logins }, (_, i) => call(servers[i % servers.length] as S, i)));

/** The limit on logins holds for a crowd that logs in, and for one that rotates. */
export async function expectLimitForCrowd(
  servers: readonly SessionStore[],
  onCap: 'evict' | 'refuse',
): Promise<void> {
  const limit = { cap: 5, onCap };
  const admitted = onCap === 'evict' ? CROWD.logins : limit.cap;
  for (let round = 0; round < CROWD.rounds; round += 1) {
    const [created, rotated] = [`created${round}`, `rotated${round}`];
    const session = { userId: created, role: 'user', data: 'd' } as const;
    const results = await atOnce(servers, (one) => one.create(session, limit));
    expect(results.filter((result) => result.status === 'created')).toHaveLength(admitted);
    expect(await offered(servers[0], 'users').list(created)).toHaveLength(limit.cap);

    const carts = await atOnce(servers, (one) => one.create({ role: 'user', data: 'cart' }));
    const tokens = carts.map((result) => (result.status === 'created' ? result.token : ''));
    const outcomes = await atOnce(servers, (one, i) =>
      one.rotate(tokens[i] ?? '', { userId: rotated }, limit),
    );
    expect(outcomes.filter((result) => result?.status === 'created')).toHaveLength(admitted);
    expect(await offered(servers[0], 'users').list(rotated)).toHaveLength(limit.cap);
    // One that was refused is still what it was.
    const left = await atOnce(servers, (one, i) => one.read(tokens[i] ?? ''));
    expect(left.filter((found) => found !== undefined)).toHaveLength(CROWD.logins - admitted);
  }
}

/** No login slips past disabling its user, on the same server or on another one. */
export async function expectBansToHold(one: SessionStore, two: SessionStore): Promise<void> {
  let survivors = 0;
  for (let round = 0; round < 100; round += 1) {
    const userId = `r${round}`;
    const session = { userId, role: 'user', data: 'd' } as const;
    const anonymous = await one.create({ role: 'user', data: 'd' });
    const token = anonymous.status === 'created' ? anonymous.token : '';
    await Promise.all([
      one.create(session),
      one.create(session, { cap: 5, onCap: 'evict' }),
      one.rotate(token, { userId }),
      offered(two, 'users').setDisabled(userId, true),
    ]);
    survivors += (await offered(one, 'users').list(userId)).length;
  }
  expect(survivors).toBe(0);
}

/** The tokens of this many new logins, of 256 bytes and of a user each. */
export async function logInMany(store: SessionStore, count: number): Promise<string[]> {
  const tokens: string[] = [];
  while (tokens.length < count) {
    const first = tokens.length;
    // A few at a time: a write that waits for a connection longer than a second is an outage.
    const some = Array.from({ length: Math.min(50, count - first) }, (_, i) =>
      store.create({ userId: `u${first + i}`, role: 'user', data: 'd'.repeat(256) }),
    );
    for (const result of await Promise.all(some))
      tokens.push(result.status === 'created' ? result.token : '');
  }
  return tokens;
}
