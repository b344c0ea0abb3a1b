import type { Balancer } from '../../servers/balancers/balancer.ts';
import { defaultOptions, refreshingOptions } from '../../stores/options.ts';
import { findStore } from '../../stores/registry.ts';
import type { Durability, StoreOptions } from '../../stores/store.ts';
import { type Traits, traitsOf } from '../../stores/traits.ts';
import { armText } from '../../stores/variant.ts';

/** One backend as it stands before the checks: what it is, behind what, and what it says it can do. */
export interface Subject {
  /** Name in the matrix, such as `jwt-blacklist` or `redis:write=lww`. */
  name: string;
  store: string;
  options: StoreOptions;
  durability: Durability;
  traits: Traits;
  /** Options under which the backend issues refresh tokens; `undefined` where it never does. */
  refreshing?: StoreOptions | undefined;
  service: string | undefined;
  servers: number;
  affinity: 'sticky' | 'round-robin';
  balancer: Balancer['name'] | 'none' | 'foreign';
}

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
    name: armText(definition.name, options),
    store: choice.store,
    options,
    durability,
    traits: traitsOf(definition, options, durability),
    refreshing: refreshingOptions(definition, options),
    service: definition.service(options)?.name,
    ...rest,
  };
}
