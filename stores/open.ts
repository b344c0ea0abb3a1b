/** Opens a backend's store, and checks that it has the capabilities that its definition offers. */

import type { Capability, OpenContext, SessionStore, StoreDefinition } from './store.ts';

/** Every capability of the contract; a record, so that none can be omitted. */
const ALL: Readonly<Record<Capability, true>> = {
  users: true,
  refresh: true,
  generation: true,
  failedLogins: true,
  sweep: true,
  verifyCacheStats: true,
};
export const CAPABILITIES = Object.keys(ALL) as readonly Capability[];

/**
 * Opens a backend's store; nothing else may. Traits are derived from what the definition offers, so a store with more
 * or fewer capabilities is refused, and closed.
 * @throws Error when the store differs from what its definition offers, and the errors of opening it.
 */
export async function openStore(definition: StoreDefinition, context: OpenContext): Promise<SessionStore> {
  const store = await definition.open(context);
  const offered = definition.offers(context.options);
  const present = capabilitiesOf(store);
  if (CAPABILITIES.every((name) => offered.includes(name) === present.includes(name))) return store;
  await store.close();
  const named = (names: readonly Capability[]) => [...names].sort().join(', ') || 'none';
  throw new Error(
    `${definition.name}: expected an open store with the capabilities that its definition offers, ` +
      `${named(offered)}, got ${named(present)}`,
  );
}

/** The capabilities of an open store. */
export function capabilitiesOf(store: SessionStore): Capability[] {
  return CAPABILITIES.filter((name) => store[name] !== undefined);
}
