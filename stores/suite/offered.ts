import type { Capabilities, Capability, SessionStore } from '../store.ts';

/** A capability that a store must have. @throws Error when it does not. */
export function offered<C extends Capability>(store: SessionStore | undefined, name: C): Capabilities[C] {
  const capability = store?.[name] as Capabilities[C] | undefined;
  if (capability === undefined) throw new Error(`expected a store with ${name}, got one without it`);
  return capability;
}
