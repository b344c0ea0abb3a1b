import type { ComparatorDefinition } from './comparators/definition.ts';
import { COMPARATORS } from './comparators/libraries.ts';
import { jwt } from './jwt/backend.ts';
import { jwtBlacklist } from './jwt-blacklist/backend.ts';
import { mariadb } from './mariadb/backend.ts';
import { memcached } from './memcached/backend.ts';
import { memory } from './memory/backend.ts';
import type { ModuleDefinition } from './module.ts';
import { mongodb } from './mongodb/backend.ts';
import { none } from './none/backend.ts';
import { variantsOf } from './options.ts';
import { postgres } from './postgres/backend.ts';
import { redis } from './redis/backend.ts';
import { type Durability, durabilityInForce, type ServiceDefinition } from './service.ts';
import type { StoreDefinition, StoreOptions } from './store.ts';

/** Every backend, in the order of `list` and of the tables. To add one to the harness, add it here. */
export const STORES: readonly StoreDefinition[] = [
  none,
  memory,
  redis,
  memcached,
  postgres,
  mariadb,
  mongodb,
  jwt,
  jwtBlacklist,
];

/** Backends and libraries, in the order of the tables. */
export const ARMS: readonly (StoreDefinition | ComparatorDefinition)[] = [...STORES, ...COMPARATORS];

const modules = new Map<string, ModuleDefinition | (ModuleDefinition & ComparatorDefinition)>();

/** Makes a module of the user's known to this process, in the place of an earlier one of its name. */
export function registerModule(
  definition: ModuleDefinition | (ModuleDefinition & ComparatorDefinition),
): void {
  modules.set(definition.name, definition);
}

/** The backend, library or module of this name; `undefined` when there is none. */
export function findStore(
  name: string,
): StoreDefinition | ComparatorDefinition | ModuleDefinition | undefined {
  return ARMS.find((definition) => definition.name === name) ?? modules.get(name);
}

/** The name of the backend that has this alias; other text as it is. */
export function resolveAlias(name: string): string {
  return STORES.find(({ aliases }) => aliases?.includes(name))?.name ?? name;
}

/** The control: the cost of an endpoint without any session. */
export const CONTROL: StoreDefinition = none;

/** The backends that keep sessions: all but the control. */
export const SESSION_STORES: readonly StoreDefinition[] = STORES.filter((store) => store !== CONTROL);

/** The backends that lists contain which the harness builds itself. */
export const LISTED_STORES: readonly StoreDefinition[] = STORES.filter(({ isOnRequest }) => !isOnRequest);

/** Every service that a backend uses with some option. */
export const SERVICES: readonly ServiceDefinition[] = [
  ...new Set(STORES.flatMap((store) => variantsOf(store).flatMap((options) => store.service(options) ?? []))),
];

/** The service of this name; `undefined` when there is none. */
export function findService(name: string): ServiceDefinition | undefined {
  return SERVICES.find((service) => service.name === name);
}

/** The durability of a backend when this one is asked for: not every service can provide each. */
export function durabilityOf(
  { store, options }: { store: string; options: StoreOptions },
  asked: Durability,
): Durability {
  return durabilityInForce(findStore(store)?.service(options), asked);
}
