import { isComparator } from '../../stores/comparators/definition.ts';
import { isModule } from '../../stores/module.ts';
import { CONTROL, findStore } from '../../stores/registry.ts';
import { DURABILITIES } from '../../stores/service.ts';
import type { BackendDefinition, StoreOptions } from '../../stores/store.ts';
import { readsWithoutStore, type Traits, traitsOf } from '../../stores/traits.ts';
import { parseVariant } from '../../stores/variant.ts';
import { armText, byArmAndOperation } from './groups.ts';
import type { Row } from './row.ts';

/** What the arm of a row can and cannot do. */
export interface Behaviour {
  /** As `--store` takes it. */
  name: string;
  traits: Traits;
  /** The service that keeps its state; `undefined` where no other process does. */
  service: string | undefined;
  /** Whether reads go on while the service is down; `undefined` for an arm without a service. */
  readsWithoutStore: boolean | undefined;
  /** What it cannot do, and the cost of its store, in words. */
  limits: string[];
}

/** The behaviour of each arm that was measured, by its definition; not of the control, nor of external sites. */
export function behavioursOf(rows: readonly Row[]): Behaviour[] {
  const measured = rows.filter((row) => row.status === 'ok');
  return (byArmAndOperation(measured, true) as [Row][]).flatMap(([row]) => {
    const definition = findStore(row.store ?? '');
    // What a module of the user's can and cannot do is found by the checks of behaviour, and not claimed.
    if (definition === undefined || definition === CONTROL || isModule(definition)) return [];
    const options = parseVariant(row.store, row.variant);
    const durability = DURABILITIES.find((level) => level === options['durability']) ?? 'second';
    const traits = traitsOf(definition, options, durability);
    const limits = [
      ...limitsOf(traits),
      ...storeLimits(definition, options, traits),
      ...innerLimits(options),
    ];
    const service = definition.service(options);
    const goesOn = service === undefined ? undefined : readsWithoutStore(traits, options);
    return [{ name: armText(row), traits, service: service?.title, readsWithoutStore: goesOn, limits }];
  });
}

/** Limits of any store. */
function storeLimits(definition: BackendDefinition, options: StoreOptions, traits: Traits): string[] {
  if (definition.service(options) === undefined) return [];
  if (isComparator(definition)) return ['requests fail or wait while the store is down'];
  return [whileStoreIsDown(options, traits), ...(options['durability'] === 'second' ? [POWER_LOSS] : [])];
}

const POWER_LOSS = 'a power loss may take the last second';

function whileStoreIsDown(options: StoreOptions, traits: Traits): string {
  if (!readsWithoutStore(traits, options)) return 'everyone is refused while the store is down';
  return traits.revocation === 'at-refresh'
    ? 'nobody can log in and no token is renewed while the store is down'
    : 'nobody can log in or out while the store is down, and no logout is seen';
}

/** What a passed token gives up, which lives for INNER_TOKEN_SECONDS of servers/protocol.ts. */
const innerLimits = ({ inner }: StoreOptions): string[] =>
  inner === 'token'
    ? ['inner services accept a token that was passed to them for up to 60 s after a logout']
    : [];

function limitsOf(traits: Traits): string[] {
  const limits: string[] = [];
  if (traits.revocation === 'at-expiry') limits.push('a logged-out token works until it expires');
  if (traits.revocationBoundMs !== undefined)
    limits.push(`other servers may take a logged-out token for up to ${traits.revocationBoundMs / 1000} s`);
  if (traits.revocation === 'at-refresh')
    limits.push('a logged-out token works until its access token is over');
  if (traits.endsAllLogins === true) limits.push('a logout ends all logins of its user');
  if (!traits.shared) limits.push('sessions are not shared between servers');
  if (!traits.survivesServerRestart) limits.push('sessions end with their server');
  if (traits.survivesStoreCrash === false) limits.push('nothing survives a crash of the store');
  if (!traits.userIndex) limits.push('no list, limit or end of a user’s logins');
  if (!traits.compareAndSwap) limits.push('parallel updates overwrite each other');
  if (traits.clientReadable) limits.push('the client reads the data');
  if (traits.dataInToken) limits.push('data must fit a cookie of 4,096 bytes');
  return limits;
}
