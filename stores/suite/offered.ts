import type { Capabilities, Capability, SessionStore } from '../store.ts';

/** A capability of a store that must have it. @throws Error when it has not. */
export function offered<C extends Capability>(store: SessionStore | undefined, name: C): Capabilities[C] {
  const capability = store?.[name] as Capabilities[C] | undefined;
  if (capability === undefined) throw new Error(`expected a store that offers ${name}, got one without it`);
  return capability;
}
