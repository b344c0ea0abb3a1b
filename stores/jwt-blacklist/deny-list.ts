import { randomBytes } from 'node:crypto';
import { isSid } from '../jwt/sid.ts';
import {
  type Awaitable,
  type Capabilities,
  type Login,
  type LoginLimit,
  StoreUnavailableError,
} from '../store.ts';

/**
 * What `jwt-blacklist` keeps on a service: the logins that were ended before their tokens expire, and an index of each
 * user's logins. The tokens hold everything else.
 *
 * Rules for every method:
 * - A login is identified by its `sid` (see `isSid` in jwt/sid.ts), never by a token's id or hash: an update in flight
 * issues another token of the same login, and a signature has several spellings.
 * - A malformed sid is absence: `isDenied` returns true, every other method returns its "not found" value, and nothing
 * is written.
 * - A denial is kept until the login's absolute expiry plus {@link DENY_TOLERANCE_MS}: the longest that any token
 * of the login can be valid, not the remaining time of one of them.
 * - An index entry is *live* while `now() < idleExpiryMs` and `now() < absoluteExpiryMs`; only live ones are counted,
 * listed and measured against a limit. It is purged no sooner than the tolerance after that, and until then revocations
 * deny it too (without counting it): another server's clock may be behind.
 * - Each method is atomic and one round trip. Time is `context.now()`, sent by the caller, never the service's.
 * - A failure of the service throws `StoreUnavailableError` with its cause, within a bounded time.
 * - **Loss of the list fails closed.** The list has an epoch, written by the first server that opens it and read by the
 * others. It is stored with the denials, so that they are lost together. A method that finds another epoch than {@link
 * DenyList.epoch}, or none, throws `StoreUnavailableError` with the cause {@link DenyListLostError}. A server that
 * opens after the loss starts a new epoch. Tokens carry the epoch under which they were issued; those from before the
 * loss are then absence: logged out, not revived.
 */
export interface DenyList {
  /** Random, one for each list; tokens carry it. */
  readonly epoch: string;
  /**
   * Whether this login has been ended. The only method that a read calls. At once, without a promise, where this server
   * holds the list; then a denial by another server may be missing for up to {@link LEASE_MS}.
   */
  isDenied(sid: string, login?: DenyListSubject): Awaitable<boolean>;
  /** The generation of a user; present where logins are ended by it, and only together. */
  generation?(userId: string): Promise<number>;
  /**
   * Registers a login of a user, atomically. Refused for a disabled user. At the limit it is either refused, or the
   * oldest live logins (by `createdAtMs`) are denied; this holds under parallel logins. Repeating it with the same sid
   * changes nothing and returns 'admitted'.
   */
  admit(entry: DenyListEntry, limit?: LoginLimit): Promise<AdmitResult>;
  /**
   * Denies `old` and registers `next`, atomically: `undefined`, without any change, when `old` is denied already, so
   * that one of several racing rotations wins. When `next` has a user that is disabled, or a limit refuses (where `old`
   * does not count against it), `old` is unchanged. Without `next.userId` nothing is registered: an anonymous session
   * is not a login, but its old sid is denied all the same.
   *
   * With `presentedId`, the id of the refresh token that was presented, `old` must be a live login, and `next` becomes
   * its successor: the *family* of the two records its current login, however often it rotates. When another one is
   * current, the presented token had been exchanged before: `undefined`, and `old` is denied.
   */
  rotate(
    old: DenyListSubject,
    next: NewDenyListEntry,
    limit?: LoginLimit,
    presentedId?: string,
  ): Promise<AdmitResult | undefined>;
  /**
   * Extends the idle expiry of a registered login (a touch issues a token that is valid for longer). False when the
   * login is denied; true, without a write, for one without a user or not in the index.
   */
  extend(login: DenyListSubject, idleExpiryMs: number): Promise<boolean>;
  /**
   * Exchanges the presented refresh token of a registered login for the next one, and extends the idle expiry. `gone`,
   * without a write, when the login is denied, not registered or no longer live. When another refresh token than the
   * presented is current, `reused`: it had been exchanged before, and the login is denied. So one of several racing
   * exchanges wins, and the next ends the login for all. `reused`, too, when the login is denied but its family has
   * another current login, which is then denied: a rotation leaves no holder of an old refresh token behind.
   */
  exchange(login: DenyListSubject, exchange: RefreshExchange): Promise<ExchangeStatus>;
  /**
   * Ends a login and removes it from the index; true when this call denied it, false when it was denied already. With
   * `family`, also true when it denied the current login of an ended one's family.
   */
  deny(login: DenyListSubject, family?: boolean): Promise<boolean>;
  /** Ends one live login of this user by its sid; false when the user has no such live login. */
  denyLogin(userId: string, sid: string): Promise<boolean>;
  /** Ends all logins of a user except `exceptSid`; returns the number of live ones. */
  denyUser(userId: string, exceptSid?: string): Promise<number>;
  /**
   * True: refuses further logins of the user and ends the current ones; returns their number. False: allows them again,
   * 0.
   */
  setDisabled(userId: string, disabled: boolean): Promise<number>;
  /** The live logins of a user, oldest first; `handle` is the sid. */
  list(userId: string): Promise<readonly Login[]>;
  /** Failed logins, counted beside the list, and not guarded by its epoch. */
  failedLogins: Capabilities['failedLogins'];
  /** Removes at most `limit` obsolete denials and index entries; absent where the service does it. */
  sweep?(limit: number): Promise<number>;
  /** Round trips to the service since opening. */
  roundTrips(): number;
  /** Releases connections and timers. The service keeps the list. */
  close(): Promise<void>;
}

/** A login, from the claims of a token that has just been verified. */
export interface DenyListSubject {
  sid: string;
  /** Absent for an anonymous session. */
  userId?: string | undefined;
  absoluteExpiryMs: number;
  /** Of the token; absent where logins are not ended by it. */
  generation?: number | undefined;
}

/** A login to be registered, or an anonymous session that rotates into another. */
export interface NewDenyListEntry extends DenyListSubject {
  createdAtMs: number;
  idleExpiryMs: number;
  /** Id of the login's first refresh token, shaped like a sid; absent where none is issued. */
  refreshId?: string | undefined;
}

/** Ids of the presented refresh token and of its replacement, and the expiry of the replacement. */
export interface RefreshExchange {
  presentedId: string;
  nextId: string;
  idleExpiryMs: number;
}

export type ExchangeStatus = 'exchanged' | 'reused' | 'gone';

/** A login to be registered under its user. */
export interface DenyListEntry extends NewDenyListEntry {
  userId: string;
}

/** `evicted`: the sids that were denied to make room. */
export type AdmitResult =
  | { status: 'admitted'; evicted: readonly string[] }
  | { status: 'limit' }
  | { status: 'disabled' }
  | { status: 'moved' };

/** How long a denial outlives the last token of its login; bounds the clock skew between servers. */
export const DENY_TOLERANCE_MS = 60_000;

/**
 * Where denials are pushed: the longest that a server may not know of one. A server that has not heard from the service
 * for so long refuses every token.
 */
export const LEASE_MS = 3_000;

/**
 * An epoch for a new list, short because every token holds it and every read parses it. It tells lists of one service
 * apart, and nobody can choose it: 48 bits of base64url.
 */
export function newEpoch(): string {
  return randomBytes(6).toString('base64url');
}

/** @throws TypeError for a login that no token could name. */
export function checkEntry({ sid, refreshId }: NewDenyListEntry): void {
  if (!isSid(sid)) throw new TypeError('expected a new login to have a valid sid');
  if (refreshId !== undefined && !isSid(refreshId))
    throw new TypeError('expected a new refresh token to have a valid id');
}

/** The error of a call that found another epoch than expected; `got` may be empty for none. */
export function listLost(operation: string, service: string, epoch: string, got: unknown) {
  return new StoreUnavailableError(operation, new DenyListLostError(service, epoch, got));
}

/** The list that this server opened is gone from its service, and its denials with it. */
export class DenyListLostError extends Error {
  readonly code = 'DENY_LIST_LOST';
  constructor(service: string, expected: string, got: unknown) {
    super(
      `the deny list on ${service} was lost: expected epoch ${expected}, got ${got || 'none'}. ` +
        'Logged-out tokens can no longer be told from others, so all are refused. ' +
        'Remedy: find what removed it (a restart without persistence, an eviction policy, a flush), ' +
        'then restart the servers: they begin a new epoch, and everyone logs in again.',
    );
    this.name = 'DenyListLostError';
  }
}
