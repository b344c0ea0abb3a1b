import { jwt } from './jwt.ts';
import { jwtBlacklist } from './jwt-blacklist.ts';
import { memory } from './memory.ts';
import { none } from './none.ts';
import { postgres } from './postgres.ts';
import { redis } from './redis.ts';
import type { StoreDefinition } from './store.ts';

/** Every backend, in the order of `list` and of the tables. Adding one here is all that the harness needs. */
export const STORES: readonly StoreDefinition[] = [none, memory, redis, postgres, jwt, jwtBlacklist];

/** The backend of this name; `undefined` when there is none. */
export function findStore(name: string): StoreDefinition | undefined {
  return STORES.find((store) => store.name === name);
}
