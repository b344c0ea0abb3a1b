import type { FailedLoginRule, FailedLogins, Login, LoginLimit } from '../store.ts';

/**
 * What `jwt-blacklist` keeps on a service: the logins that were ended before their tokens expire, and an
 * index of each user's logins. The tokens themselves hold everything else.
 *
 * Rules for every method:
 * - A login is named by its `sid` (see `isSid` in jwt-sid.ts), never by a token's own id or hash: an update
 *   in flight issues another token of the same login, and a signature has several spellings.
 * - A malformed sid is absence: `isDenied` answers true (nobody may use it), every other method answers its
 *   "nothing there" value, and nothing is written.
 * - A denial is kept until the login's absolute expiry plus {@link DENY_TOLERANCE_SECONDS}: the longest that
 *   any token of the login can live, not what is left of one of them.
 * - An index entry is *live* while `now() < idleExpiryMs` and `now() < absoluteExpiryMs`; only live ones are
 *   counted, listed and measured against a limit. It is purged no sooner than the tolerance after that, and
 *   until then revocations deny it too (without counting it): another server's clock may be behind.
 * - Each method is atomic and one round trip. Time is `context.now()`, sent by the caller, never the service's.
 * - A failure of the service throws `StoreUnavailableError` with its cause, within a bounded time.
 * - **Loss of the list fails closed.** The list has an epoch, written with it when the first server opens it
 *   and read by the others. It lies where the denials lie, so that what loses them loses it. A method that
 *   finds another epoch than {@link DenyList.epoch}, or none, throws `StoreUnavailableError` whose cause is a
 *   {@link DenyListLostError}. A server that opens after the loss starts a new epoch; as tokens carry the
 *   epoch that they were issued under, those from before the loss are then absence: logged out, not revived.
 */
export interface DenyList {
  /** Random per life of the list, at least 64 bits of base64url or hex; tokens carry it. */
  readonly epoch: string;
  /** Whether this login has been ended. The only method on the path of a read. */
  isDenied(sid: string): Promise<boolean>;
  /**
   * Registers a login of a user, atomically: refused for a disabled user, and at the limit either refused or
   * made room for by denying the oldest live logins (by `createdAtMs`), also under parallel logins.
   * Repeating it with the same sid changes nothing and answers 'admitted'.
   */
  admit(entry: DenyListEntry, limit?: LoginLimit): Promise<AdmitResult>;
  /**
   * Denies `old` and registers `next`, atomically: `undefined`, and nothing done, when `old` is denied
   * already, so that of several racing rotations one wins. When `next` has a user that is disabled, or a limit
   * refuses (where `old` does not count against it), `old` stays as it was. Without `next.userId` nothing is
   * registered: an anonymous session is no login, but its old sid is denied all the same.
   *
   * With `presentedId`, the id of the refresh token that was presented, `old` must be a live login, and `next` becomes
   * its successor: the *family* of the two knows which login it goes on in, however often it rotates. When another is the
   * current one, it had been exchanged before: `undefined`, and `old` is denied.
   */
  rotate(
    old: DenyListSubject,
    next: NewDenyListEntry,
    limit?: LoginLimit,
    presentedId?: string,
  ): Promise<AdmitResult | undefined>;
  /**
   * Moves the idle expiry of a registered login (a touch issues a token that lives longer). False when the
   * login is denied; true, and nothing written, for one without a user or not in the index.
   */
  extend(login: DenyListSubject, idleExpiryMs: number): Promise<boolean>;
  /**
   * Takes the presented refresh token of a registered login for the next one, and moves the idle expiry. `gone`, and
   * nothing written, when the login is denied, not registered or no longer live. When another refresh token than the
   * presented is the current one, `reused`: it had been exchanged before, and the login is denied. So of several racing
   * exchanges one wins, the next one ends the login for all. `reused`, too, when the login is denied but its family goes
   * on in another, which is then denied: a rotation leaves no holder of an old refresh token behind.
   */
  exchange(login: DenyListSubject, exchange: RefreshExchange): Promise<ExchangeStatus>;
  /**
   * Ends a login and takes it out of the index; true when this call denied it, false when it was already. With `family`,
   * also true when it denied the login that the family of an ended one goes on in.
   */
  deny(login: DenyListSubject, family?: boolean): Promise<boolean>;
  /** Ends one live login of this user's own by its sid; false when it is not a live login of this user. */
  denyLogin(userId: string, sid: string): Promise<boolean>;
  /** Ends all logins of a user but `exceptSid`; answers how many live ones it ended. */
  denyUser(userId: string, exceptSid?: string): Promise<number>;
  /** True: refuses further logins of the user and ends the present ones; answers how many. False: allows again, 0. */
  setDisabled(userId: string, disabled: boolean): Promise<number>;
  /** The live logins of a user, oldest first; `handle` is the sid. */
  list(userId: string): Promise<readonly Login[]>;
  /** Failed logins, counted beside the list, and not guarded by its epoch: as `SessionStore.failedLogins`. */
  failedLogins(rule: FailedLoginRule): FailedLogins;
  /** Removes at most `limit` denials and index entries that are superfluous by now; absent where the service does. */
  sweep?(limit: number): Promise<number>;
  /** Round trips to the service since opening. */
  roundTrips(): number;
  stats(): Promise<DenyListStats>;
  /** Releases connections and timers. The service keeps the list. */
  close(): Promise<void>;
}

/** A login whose token has just been verified: what its claims say. */
export interface DenyListSubject {
  sid: string;
  /** Absent for an anonymous session. */
  userId?: string;
  absoluteExpiryMs: number;
}

/** A login about to begin, or an anonymous session that rotates into another. */
export interface NewDenyListEntry extends DenyListSubject {
  createdAtMs: number;
  idleExpiryMs: number;
  /** Id of the login's first refresh token, shaped like a sid; absent where none is issued. */
  refreshId?: string;
}

/** Ids of the refresh token that was presented and of the one that takes its place, and when that one ends. */
export interface RefreshExchange {
  presentedId: string;
  nextId: string;
  idleExpiryMs: number;
}

export type ExchangeStatus = 'exchanged' | 'reused' | 'gone';

/** A login about to be registered under its user. */
export interface DenyListEntry extends NewDenyListEntry {
  userId: string;
}

/** `evicted`: the sids that were denied to make room. */
export type AdmitResult =
  | { status: 'admitted'; evicted: readonly string[] }
  | { status: 'limit' }
  | { status: 'disabled' };

export interface DenyListStats {
  /** Denials held (an estimate is enough); `undefined` when the service cannot tell cheaply. */
  denied: number | undefined;
}

/** How long denials outlive the last token of their login: bounds the clock skew between servers. */
export const DENY_TOLERANCE_SECONDS = 60;

/** The list that this server opened is gone from its service, and with it the denials it held. */
export class DenyListLostError extends Error {
  readonly code = 'DENY_LIST_LOST';
  constructor(service: string, expected: string, got: string | undefined) {
    super(
      `the deny list on ${service} was lost: expected epoch ${expected}, got ${got ?? 'none'}. ` +
        'Logged-out tokens can no longer be told from others, so all are refused. ' +
        'Remedy: find what removed it (a restart without persistence, an eviction policy, a flush), ' +
        'then restart the servers: they begin a new epoch, and everyone logs in again.',
    );
    this.name = 'DenyListLostError';
  }
}
