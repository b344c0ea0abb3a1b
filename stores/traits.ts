/** What a backend can and cannot do, known before it is opened. */

import type { Durability } from './service.ts';

type Options = Readonly<Record<string, string>>;

/** What a backend declares beyond what its store offers. */
export interface DeclaredTraits {
  /** Where the session is kept. */
  state: 'nowhere' | 'server' | 'store' | 'client' | 'client-and-store';
  /** Every server sees the same sessions. */
  shared: boolean;
  /** Sessions (and revocations) outlive a restart of the server process. */
  survivesServerRestart: boolean;
  /** They outlive a `kill -9` of the store's process; `undefined` where there is no store. */
  survivesStoreCrash: boolean | undefined;
  /** Both idle and absolute expiry, or none at all (the control). */
  expiry: 'idle-and-absolute' | 'none';
  /** `update` with a stale version is a conflict. */
  compareAndSwap: boolean;
  /**
   * When a logged-out token stops working: at once on every server; after a while; when its access token is over, which is
   * not renewed; only when it expires; or never.
   */
  revocation: 'immediate' | 'bounded' | 'at-refresh' | 'at-expiry' | 'never';
  /**
   * With `bounded`, where it is short and the same for every login: the longest, in ms, that any server accepts a token
   * after the reply that ended its login.
   */
  revocationBoundMs?: number | undefined;
  /** Whatever ends one login of a user ends all of them: a logout, a rotation, the limit on logins. */
  endsAllLogins?: boolean | undefined;
  /** Rotation ends the old token and has one winner. */
  rotationEndsOld: boolean;
  /** The client can read the session data. */
  clientReadable: boolean;
  /** The token holds the data, so that the transport's limit on tokens bounds it. */
  dataInToken: boolean;
}

/** The traits of sessions that a service keeps, under a random token. `write=lww` turns compare-and-swap off. */
export function traitsOfService(options: Options, durability: Durability): DeclaredTraits {
  return {
    state: 'store',
    shared: true,
    survivesServerRestart: true,
    survivesStoreCrash: durability !== 'none',
    expiry: 'idle-and-absolute',
    compareAndSwap: options['write'] !== 'lww',
    revocation: 'immediate',
    rotationEndsOld: true,
    clientReadable: false,
    dataInToken: false,
  };
}

/** The traits of sessions that only the token holds, at the client. @param isReadable without a key. */
export function traitsOfToken(isReadable: boolean): DeclaredTraits {
  return {
    state: 'client',
    shared: true,
    survivesServerRestart: true,
    survivesStoreCrash: undefined,
    expiry: 'idle-and-absolute',
    compareAndSwap: false,
    revocation: 'at-expiry',
    rotationEndsOld: false,
    clientReadable: isReadable,
    dataInToken: true,
  };
}

/**
 * What a backend can and cannot do. The conformance suite proves each trait, including what it cannot. Those that are
 * not declared follow from what the store offers, in `traitsOf`.
 */
export interface Traits extends DeclaredTraits {
  /** Knows the logins of a user: revoke all, list, limit, disable. */
  userIndex: boolean;
  /** `rotating`: tokens are short-lived, and renewed by a refresh token that can be used once. */
  refresh: 'none' | 'rotating';
  /** A verified token may come from a cache: never past its expiry or revocation, nor under another key. */
  verifyCache: boolean;
}

/** The traits of a backend with these options: those that it declares, and those that follow from what it offers. */
export function traitsOf(
  definition: {
    declaredTraits(options: Options, durability: Durability): DeclaredTraits;
    offers(options: Options): readonly string[];
  },
  options: Options,
  durability: Durability,
): Traits {
  const offers = definition.offers(options);
  return {
    ...definition.declaredTraits(options, durability),
    userIndex: offers.includes('users'),
    refresh: offers.includes('refresh') ? 'rotating' : 'none',
    verifyCache: offers.includes('verifyCacheStats'),
  };
}

/** Whether reads go on while the store is down: no read asks it, or what cannot be asked is let in (`on-outage=open`). */
export const readsWithoutStore = ({ revocation }: DeclaredTraits, options: Options): boolean =>
  options['on-outage'] === 'open' || revocation === 'at-refresh';
