import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionStore } from '../store.ts';
import type { Traits } from '../traits.ts';
import { offered } from './offered.ts';

const POLL_MS = 2;

/** Whether a revocation is in force on every server: at once, or within a stated time. */
export const endsInTime = ({ revocation, revocationBoundMs }: Traits): boolean =>
  revocation === 'immediate' || revocationBoundMs !== undefined;

/** Whether a server refuses the token, within the bound of the traits where there is one. */
export async function isRefused(store: SessionStore, token: string, traits: Traits): Promise<boolean> {
  const limitMs = performance.now() + (traits.revocationBoundMs ?? 0);
  while ((await store.read(token)) !== undefined) {
    if (performance.now() >= limitMs) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/** Waits until these servers know of every login that was ended before: such a call returns only then. */
export async function inStep(...stores: SessionStore[]): Promise<void> {
  await Promise.all(stores.map((store) => offered(store, 'users').setDisabled('nobody at all', false)));
}

/** A store that first waits for what other servers have ended, in each call that would not ask the service. */
export function keptInStep(store: SessionStore): SessionStore {
  return {
    ...store,
    async read(token) {
      await inStep(store);
      return store.read(token);
    },
    async update(token, data, version) {
      await inStep(store);
      return store.update(token, data, version);
    },
    async touch(token) {
      await inStep(store);
      return store.touch(token);
    },
  };
}
