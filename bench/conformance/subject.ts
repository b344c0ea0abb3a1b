/** The backend that is checked, as data: options, place and traits. Nothing is started here. */

import type { Balancer } from '../../servers/balancers/balancer.ts';
import { isComparator, type KnownOutcomes } from '../../stores/comparators/definition.ts';
import type { StoreModule } from '../../stores/module.ts';
import { defaultOptions, refreshingOptions } from '../../stores/options.ts';
import { durabilityOf, findStore } from '../../stores/registry.ts';
import type { Durability, StoreOptions } from '../../stores/store.ts';
import { type Traits, traitsOf } from '../../stores/traits.ts';
import { armText } from '../../stores/variant.ts';
import type { TRANSPORTS } from '../config/words.ts';

/** One backend under test: what it is, what it stands behind, and the traits that it declares. */
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
  /** Of a library: outcomes that do not follow from its traits. */
  known?: KnownOutcomes;
  /** A store of the user's: what it can and cannot do is found, and not expected. */
  module?: StoreModule;
  servers: number;
  affinity: 'sticky' | 'round-robin';
  balancer: Balancer['name'] | 'none' | 'foreign';
  /** Whether clients reach it over TLS. */
  tls: boolean;
  /** How the token travels. */
  transport: (typeof TRANSPORTS)[number];
}

/** The configuration around a backend under test. */
export type Place = Pick<Subject, 'servers' | 'affinity' | 'balancer'> & {
  durability: Durability;
  tls?: boolean;
  transport?: Subject['transport'];
};

/**
 * A backend of the registry as the checks use it. Its expectations follow from these traits only.
 * @throws Error for a name that is not in the registry.
 */
export function subjectOf(
  choice: { store: string; options: StoreOptions; module?: StoreModule },
  place: Place,
): Subject {
  const definition = findStore(choice.store);
  if (definition === undefined) throw new Error(`no store is named ${choice.store}`);
  const { durability: asked, tls = false, transport = 'cookie', ...rest } = place;
  const options = { ...defaultOptions(definition), ...choice.options };
  const durability = durabilityOf({ store: choice.store, options }, asked);
  return {
    name: armText(definition.name, options) + (transport === 'cookie' ? '' : ` (${transport})`),
    store: choice.store,
    options,
    durability,
    traits: traitsOf(definition, options, durability),
    refreshing: refreshingOptions(definition, options),
    service: definition.service(options)?.name,
    ...(choice.module === undefined ? {} : { module: choice.module }),
    ...(isComparator(definition) ? { known: definition.known?.(options) ?? {} } : {}),
    ...rest,
    tls,
    transport,
  };
}
