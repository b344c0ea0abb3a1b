import { describe, expect, test } from 'vitest';
import { memory } from './memory/backend.ts';
import { CAPABILITIES, openStore } from './open.ts';
import type { SessionStore, StoreDefinition } from './store.ts';
import { contextFor } from './suite/context.ts';
import { offered } from './suite/offered.ts';
import { traitsOf } from './traits.ts';

/** A backend that opens another store than memory's, and whether that has been closed. */
function opening(change: (store: SessionStore) => SessionStore) {
  let isClosed = false;
  const definition: StoreDefinition = {
    ...memory,
    async open(context) {
      const store = await memory.open(context);
      const close = () => {
        isClosed = true;
        return store.close();
      };
      return change({ ...store, close });
    },
  };
  return { open: () => openStore(definition, contextFor(definition)), isClosed: () => isClosed };
}

describe('a store that is not what its definition offers is refused, and closed', () => {
  test.each(CAPABILITIES)('%s', async (name) => {
    const { open, isClosed } = opening((store) => {
      const isThere = store[name] !== undefined;
      return { ...store, [name]: isThere ? undefined : () => Promise.resolve(undefined) };
    });
    await expect(open()).rejects.toThrow(
      /^memory: expected an open store with the capabilities .*, failedLogins, sweep, users, got /,
    );
    expect(isClosed()).toBe(true);
  });
});

test('one that is, is opened', async () => {
  const { open, isClosed } = opening((store) => store);
  const store = await open();
  expect(await offered(store, 'users').list('nobody')).toEqual([]);
  expect(isClosed()).toBe(false);
  await store.close();
});

test('what follows from an offer cannot be declared otherwise', () => {
  const declared = {
    ...memory.declaredTraits({}, 'none'),
    userIndex: true,
    refresh: 'rotating',
    verifyCache: true,
  };
  const liar = { ...memory, offers: () => [], declaredTraits: () => declared };
  expect(traitsOf(liar, {}, 'none')).toMatchObject({ userIndex: false, refresh: 'none', verifyCache: false });
});
