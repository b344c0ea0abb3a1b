import { findStore } from '../../stores/registry.ts';
import type { Durability, StoreDefinition, StoreOptions } from '../../stores/store.ts';
import { defaultOptions } from '../../stores/store.ts';
import type { Subject } from './check.ts';

/** Where a backend stands while it is looked at. */
export type Place = Pick<Subject, 'servers' | 'affinity' | 'balancer'> & { durability: Durability };

/**
 * A backend of the registry as the checks take it: its expectations come from these traits and nothing else.
 * @throws Error for a name that the registry does not hold.
 */
export function subjectOf(choice: { store: string; options: StoreOptions }, place: Place): Subject {
  const definition = findStore(choice.store);
  if (definition === undefined) throw new Error(`no store is named ${choice.store}`);
  const { durability, ...rest } = place;
  const options = { ...defaultOptions(definition), ...choice.options };
  return {
    name: nameOf(definition, options),
    store: choice.store,
    options,
    durability,
    traits: definition.traits(options, durability),
    service: definition.service(options),
    ...rest,
  };
}

/** As `--store` takes it: the options that are not the default behind the name. */
function nameOf(definition: StoreDefinition, options: StoreOptions): string {
  const defaults = defaultOptions(definition);
  const own = Object.entries(options).filter(([key, value]) => defaults[key] !== value);
  return own.length === 0
    ? definition.name
    : `${definition.name}:${own.map(([key, value]) => `${key}=${value}`).join(';')}`;
}
