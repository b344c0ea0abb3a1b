/**
 * The contract of every session backend, and its types. Every store implements `SessionStore`; optional methods are
 * `Capabilities`.
 *
 * Three rules hold for every method. Absence is `undefined` (or a status), never an error. An expired, tampered or
 * malformed token is absence. A failure of the system throws {@link StoreUnavailableError} with its cause: an outage is
 * never reported as a miss.
 */

import type { Durability, ServiceDefinition } from './service.ts';
import type { DeclaredTraits } from './traits.ts';

export type { Durability };

export type Role = 'user' | 'admin';

/** Input of a new session. An anonymous session has no `userId`. */
export interface NewSession {
  userId?: string | undefined;
  role: Role;
  /** Opaque text, kept byte for byte. Well-formed Unicode: UTF-8 cannot hold a lone surrogate. */
  data: string;
  /**
   * The user's generation, as it was before the credential was checked; only where the store has the capability. The
   * session is then not created if all logins of the user have been ended since.
   */
  generation?: number | undefined;
}

/** What a session consists of, wherever it is kept. */
export interface SessionState extends NewSession {
  /** Counts updates, from 1. A token that carries its own data counts along its own line of copies. */
  version: number;
  createdAtMs: number;
  absoluteExpiryMs: number;
}

/** A session as a server or a service keeps it. */
export interface StoredSession extends SessionState {
  touchedAtMs: number;
}

/** A live session, as `read` returns it. */
export interface Session extends SessionState {
  /** Public name of this login, safe to show to its user: no token can be derived from it. */
  handle: string;
  /** True when the throttle allows the next `touch`: the caller touches only then. */
  touchDue: boolean;
}

/** One of a user's logins, for "your devices". */
export type Login = Pick<Session, 'handle' | 'createdAtMs' | 'absoluteExpiryMs'>;

/** Limit on a user's concurrent logins: at the limit, the oldest ends (`evict`) or the new one is refused. */
export interface LoginLimit {
  cap: number;
  onCap: 'evict' | 'refuse';
}

/**
 * `limit`: refused by the cap. `disabled`: the account may not log in. `too-large`: does not fit this backend. `moved`: the
 * user's logins were ended since the generation was read, so the credential must be checked again.
 * `refreshToken` only where the trait `refresh` is `rotating`, and only for the login of a user.
 */
export type CreateResult =
  | { status: 'created'; token: string; evicted: readonly string[]; refreshToken?: string }
  | { status: 'limit' }
  | { status: 'disabled' }
  | { status: 'moved' }
  | { status: 'too-large' };

/** `conflict`: another update came first (compare-and-swap). `gone`: no live session; nothing was written. */
export type UpdateResult =
  | { status: 'ok'; version: number; token?: string }
  | { status: 'conflict' }
  | { status: 'gone' }
  | { status: 'too-large' };

/** What a touch may change: a token that carries its own expiry is reissued. */
export interface TouchResult {
  token?: string;
}

/**
 * `reused`: the refresh token had been used before, so one of two holders is a thief; the login has been ended (RFC
 * 9700 §4.14.2). `gone`: no live login, or not a valid refresh token.
 */
export type RefreshResult =
  | { status: 'refreshed'; token: string; refreshToken: string }
  | { status: 'reused' }
  | { status: 'gone' };

/**
 * The number of failed logins within a window from which on an account is refused, whatever the password. Whole numbers
 * from
 * 1. A window begins with its first failure, and ends by the real clock, not the injected one: services use their own.
 */
export interface FailedLoginRule {
  limit: number;
  /** At most 24 days. */
  windowSeconds: number;
}

/** Failed logins of each account, kept with the backend's state: in a store they count over all servers. */
export interface FailedLogins {
  /** Whether the account has reached the limit within the window. */
  isOver(userId: string): Promise<boolean>;
  /** Counts one more, even beyond the limit, without extending the window. */
  add(userId: string): Promise<void>;
  /** Resets the count, after a correct password. */
  clear(userId: string): Promise<void>;
}

/** Changes to a session when it rotates: at login (from an anonymous session) or at a change of privilege. */
export interface RotatePatch {
  userId?: string | undefined;
  role?: Role;
  /** Replaces the data; if absent, the data stays. */
  data?: string;
  /** As in {@link NewSession}, where an anonymous session becomes a login. */
  generation?: number | undefined;
  /**
   * The session's current refresh token. Where the trait `refresh` is `rotating`, only its holder can rotate a login,
   * which consumes it: a token alone must not become a login that renews itself. Ignored everywhere else.
   */
  refreshToken?: string | undefined;
}

export interface StoreStats {
  /** Sessions, live or not yet swept, in this process or its service; `undefined` when none are stored. */
  sessions: number | undefined;
}

/** Counters of a cache of verified tokens since it was opened. */
export interface VerifyCacheStats {
  /** Tokens whose signature was not verified again. */
  hits: number;
  misses: number;
  /** Different tokens that were verified. */
  distinctTokens: number;
}

/** The logins of each user, over all servers that share their sessions. */
export interface UserIndex {
  /** The live logins of a user, oldest first. */
  list(userId: string): Promise<readonly Login[]>;
  /** Ends all logins of a user, except that of the token `except`; returns their number. */
  revoke(userId: string, except?: string): Promise<number>;
  /** Ends one login of this user by its handle; false when the user has no such live login. */
  destroyLogin(userId: string, handle: string): Promise<boolean>;
  /** True: refuses further logins of a user and ends the current ones; returns their number. False: allows them, 0. */
  setDisabled(userId: string, disabled: boolean): Promise<number>;
}

/** Optional methods. `openStore` checks that a store has exactly those that its definition offers. */
export interface Capabilities {
  /** Present where the logins of a user are known. A limit on logins works only there. */
  users: UserIndex;
  /**
   * Exchanges a refresh token for new ones, once: of several racing uses one wins, and the others count as reuse, which
   * ends the login. The data is that of `token`, a copy of the same login that may have expired; without one, that of
   * when the refresh token was issued, for an update cannot change what it carries.
   */
  refresh(refreshToken: string, token?: string): Promise<RefreshResult>;
  /**
   * The user's generation, which every end of all logins raises, for a login that begins. Present where tokens are ended
   * by it; read before the credential is checked.
   */
  generation(userId: string): Promise<number>;
  /** The counts of failed logins; called once, when a server starts. Present where they are kept. */
  failedLogins(rule: FailedLoginRule): FailedLogins;
  /** Removes at most `limit` expired entries; returns their number. Present where nothing expires by itself. */
  sweep(limit: number): Promise<number>;
  /** Present where verified tokens are cached. */
  verifyCacheStats(): VerifyCacheStats;
}

export type Capability = keyof Capabilities;

export interface SessionStore extends Readonly<{ [C in Capability]?: Capabilities[C] | undefined }> {
  /** Inserts a session under a fresh token. Only `create` and `rotate` may insert. */
  create(session: NewSession, limit?: LoginLimit): Promise<CreateResult>;
  /** The live session of this token; never an expired one. */
  read(token: string): Promise<Session | undefined>;
  /**
   * Replaces the data; never revives a session that has ended. With `version` (and a backend that compares and swaps)
   * only when it is still current; without, the last write wins.
   */
  update(token: string, data: string, version?: number): Promise<UpdateResult>;
  /** Extends the idle expiry, clamped to the absolute expiry. `undefined` when there is no live session. */
  touch(token: string): Promise<TouchResult | undefined>;
  /**
   * Replaces the token, atomically: of several racing rotations one wins, the others return `undefined`. Where the
   * trait `refresh` is `rotating`, a login without its refresh token also returns `undefined` and changes nothing; a
   * refresh token that had been used before is a reuse, which ends the login. Old refresh tokens stay bound to what the
   * login was rotated into: one that is used again is a reuse there.
   */
  rotate(token: string, patch: RotatePatch, limit?: LoginLimit): Promise<CreateResult | undefined>;
  /**
   * Ends the session; true when this call ended it. False where logout only makes the client forget the token. Where
   * the trait `refresh` is `rotating`, an expired token ends its login too, and so does the refresh token, which also
   * ends what the login was rotated into.
   */
  destroy(token: string): Promise<boolean>;
  /** Round trips to the service since opening; each command of a pipeline counts once; 0 without a service. */
  roundTrips(): number;
  stats(): Promise<StoreStats>;
  /** Releases connections and timers. The service keeps its data. */
  close(): Promise<void>;
}

/** Values of a backend's own options, by name; complete (defaults filled in). */
export type StoreOptions = Readonly<Record<string, string>>;

/** One option of a backend. */
export interface StoreOption {
  meaning: string;
  /** The first is the default. */
  values: readonly [string, ...string[]];
  /** The behaviour of files and servers that are older than the option; the default unless given. */
  absent?: string;
  /** Whether the name of an arm always includes the value: without it the figures would be misread. */
  named?: boolean;
  /** Values that are compared in every list that the harness builds itself. */
  compared?: readonly string[];
}

/** The result of a method whose implementations may be synchronous. */
export type Awaitable<T> = T | Promise<T>;

/** Input for opening a backend. */
export interface OpenContext {
  options: StoreOptions;
  durability: Durability;
  /** URL of the service, where there is one. */
  serviceUrl?: string | undefined;
  /** Letters, digits and `_`: keeps several arms apart on one service. */
  namespace: string;
  /** Connections to the service per server. */
  poolSize: number;
  idleSeconds: number;
  absoluteSeconds: number;
  /** Minimum time between two touches of a session; 0 touches on every read. */
  touchIntervalSeconds: number;
  /** Lifetime of a token where the trait `refresh` is `rotating`. */
  accessSeconds: number;
  /** Random per run, at least 32 bytes; signs tokens. Appears in no log and no file. */
  secret: Uint8Array;
  /** PKCS #8 PEM for asymmetric algorithms; generated per run by the harness; absent for HS256. */
  privateKeyPem?: string | undefined;
  /** Longest token that the transport carries (a cookie's limit); longer ones are `too-large`. */
  maxTokenBytes: number;
  /** The control's reply for a user's data. */
  controlData: (userId: string) => string;
  /** Milliseconds since the epoch; injected, so that expiry can be tested without sleeping. */
  now: () => number;
  /** Receives failures that belong to no call, such as a lost idle connection. */
  onBackgroundError: (error: unknown) => void;
}

/** What the CLI, the plan and the docs need of a backend or a library: everything but its code. */
export interface BackendDefinition {
  name: string;
  /** Other names for it in `--store`; rows have `name`. */
  aliases?: readonly string[];
  /** One line for `list`. */
  summary: string;
  /** Whether `gate` measures it by default. */
  isGated?: true;
  /** Only measured and checked when it is named: lists that no flag names would take longer by each backend. */
  isOnRequest?: true;
  /** The backend that this one extends: tables show the cost of the extension. */
  addsTo?: string;
  options: Readonly<Record<string, StoreOption>>;
  /** Why these options conflict; `undefined` when they do not. */
  conflict?(options: StoreOptions): { expected: string; got: string } | undefined;
  /** The service that keeps its state; `undefined` where no other process does. */
  service(options: StoreOptions): ServiceDefinition | undefined;
  /** Connections that one server actually opens when `poolSize` are allowed; 0 without a service. */
  connections(options: StoreOptions, poolSize: number): number;
  /** The capabilities of a store opened with these options, exactly. */
  offers(options: StoreOptions): readonly Capability[];
  declaredTraits(options: StoreOptions, durability: Durability): DeclaredTraits;
}

/** One backend in the registry. */
export interface StoreDefinition extends BackendDefinition {
  /** Only for `openStore`, which compares the store with what is offered. */
  open(context: OpenContext): Promise<SessionStore>;
}

/** The service did not reply, refused, or failed. This is not a miss. */
export class StoreUnavailableError extends Error {
  readonly code = 'STORE_UNAVAILABLE';
  constructor(operation: string, cause: unknown) {
    super(`the session store failed in ${operation}`, { cause });
    this.name = 'StoreUnavailableError';
  }
}
