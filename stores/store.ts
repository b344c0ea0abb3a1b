/**
 * The contract that every session backend fulfils, its types, and the two things that all of them share.
 * What every store does is `SessionStore`, what some can do besides is `Capabilities`.
 *
 * Three rules hold for every method: absence is `undefined` (or a status that says so), never an error;
 * an expired, tampered or malformed token is absence; a failure of the system throws
 * {@link StoreUnavailableError} with its cause. An outage is never turned into a miss.
 */

import type { Durability, ServiceDefinition } from './service.ts';
import type { DeclaredTraits } from './traits.ts';

export type { Durability };

export type Role = 'user' | 'admin';

/** What a session is made from. An anonymous session has no `userId`. */
export interface NewSession {
  userId?: string;
  role: Role;
  /** Opaque text, kept byte for byte. Well-formed Unicode: half a surrogate pair is no text that UTF-8 can hold. */
  data: string;
}

/** A live session, as `read` answers it. */
export interface Session {
  /** Public name of this login, safe to show to its user: no token can be made from it. */
  handle: string;
  userId?: string;
  role: Role;
  data: string;
  /** Counts updates, from 1. A token that carries its own data counts its own line of copies. */
  version: number;
  createdAtMs: number;
  absoluteExpiryMs: number;
  /** True when the throttle allows the next `touch`: the caller then touches, otherwise it leaves it. */
  touchDue: boolean;
}

/** One of a user's logins, for "your devices". */
export interface Login {
  handle: string;
  createdAtMs: number;
  absoluteExpiryMs: number;
}

/** Bound on a user's concurrent logins: at the bound, the oldest ends (`evict`) or the new one is refused. */
export interface LoginLimit {
  cap: number;
  onCap: 'evict' | 'refuse';
}

/**
 * `limit`: refused by the cap. `disabled`: the account may not log in. `too-large`: does not fit this backend.
 * `refreshToken` only where the trait `refresh` is `rotating`, and only for the login of a user.
 */
export type CreateResult =
  | { status: 'created'; token: string; evicted: readonly string[]; refreshToken?: string }
  | { status: 'limit' }
  | { status: 'disabled' }
  | { status: 'too-large' };

/** `conflict`: another update came between (compare-and-swap). `gone`: no live session; nothing was written. */
export type UpdateResult =
  | { status: 'ok'; version: number; token?: string }
  | { status: 'conflict' }
  | { status: 'gone' }
  | { status: 'too-large' };

/** What a touch may change: a token that carries its own expiry is issued anew. */
export interface TouchResult {
  token?: string;
}

/**
 * `reused`: the refresh token had been used before, so one of two holders is a thief: the login has been ended
 * (RFC 9700 §4.14.2). `gone`: no live login, or no refresh token of ours.
 */
export type RefreshResult =
  | { status: 'refreshed'; token: string; refreshToken: string }
  | { status: 'reused' }
  | { status: 'gone' };

/**
 * From how many failed logins on within how long an account is refused, whatever the password. Whole numbers from 1;
 * a window begins with its first failure, and ends by the real clock, not the injected one: services count by theirs.
 */
export interface FailedLoginRule {
  limit: number;
  /** At most 24 days. */
  windowSeconds: number;
}

/** Failed logins of each account, where the backend keeps its state: in a store they count over all servers. */
export interface FailedLogins {
  /** Whether the account has reached the limit within the window. */
  isOver(userId: string): Promise<boolean>;
  /** Counts one more, also beyond the limit; the window ends when it would have ended. */
  add(userId: string): Promise<void>;
  /** A right password begins the count anew. */
  clear(userId: string): Promise<void>;
}

/** What login makes of an existing (anonymous) session, or a change of privilege of a known one. */
export interface RotatePatch {
  userId?: string;
  role?: Role;
  /** Replaces the data; absent, the data stays. */
  data?: string;
  /**
   * The session's current refresh token. Where the trait `refresh` is `rotating`, a login is rotated for its holder only,
   * and uses it up: a token alone must not become a login that renews itself. Ignored everywhere else.
   */
  refreshToken?: string | undefined;
}

export interface StoreStats {
  /** Live and not yet swept sessions that this process or its service holds; `undefined` when nobody keeps any. */
  sessions: number | undefined;
}

/** Use of a cache of verified tokens since it was opened. */
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
  /** Ends all logins of a user, but the one of the token `except`; answers how many. */
  revoke(userId: string, except?: string): Promise<number>;
  /** Ends one login of this user by its handle; false when it is not a live login of this user. */
  destroyLogin(userId: string, handle: string): Promise<boolean>;
  /** True: refuses further logins of a user and ends the present ones; answers how many. False: allows them, 0. */
  setDisabled(userId: string, disabled: boolean): Promise<number>;
}

/** What not every backend can do. `openStore` sees to it that a store has exactly those that its definition offers. */
export interface Capabilities {
  /** Present where the logins of a user are known. Only there a limit on logins means anything. */
  users: UserIndex;
  /**
   * Exchanges a refresh token for new ones, once: of several racing uses one wins, and the others count as
   * reuse, which ends the login. The data is that of `token`, a copy of the same login that may be over by now;
   * without one, what it was when the refresh token was issued: an update cannot change what that carries.
   */
  refresh(refreshToken: string, token?: string): Promise<RefreshResult>;
  /** The counts of failed logins, asked for once, when a server starts. Present where they are kept. */
  failedLogins(rule: FailedLoginRule): FailedLogins;
  /** Removes at most `limit` expired entries; answers how many. Present where nothing expires by itself. */
  sweep(limit: number): Promise<number>;
  /** Present where verified tokens are kept in a cache. */
  verifyCacheStats(): VerifyCacheStats;
}

export type Capability = keyof Capabilities;

export interface SessionStore extends Readonly<{ [C in Capability]?: Capabilities[C] | undefined }> {
  /** Inserts a session under a fresh token. Only `create` and `rotate` may insert. */
  create(session: NewSession, limit?: LoginLimit): Promise<CreateResult>;
  /** The live session of this token; never an expired one. */
  read(token: string): Promise<Session | undefined>;
  /**
   * Replaces the data; never resurrects a session that has ended. With `version` (and a backend that
   * compares and swaps) only when it is still the current one; without, the last write wins.
   */
  update(token: string, data: string, version?: number): Promise<UpdateResult>;
  /** Moves the idle expiry, clamped to the absolute expiry. `undefined` when there is no live session. */
  touch(token: string): Promise<TouchResult | undefined>;
  /**
   * Replaces the token, atomically: of several racing rotations one wins, the others get `undefined`. So does, and nothing
   * changes, who rotates a login without its refresh token where the trait `refresh` is `rotating`; a refresh token of it
   * that a refresh had used before is a reuse, which ends the login. The old ones reach what it was rotated into: one
   * used again is a reuse there.
   */
  rotate(token: string, patch: RotatePatch, limit?: LoginLimit): Promise<CreateResult | undefined>;
  /**
   * Ends the session; true when this call ended it. Where logout can only forget the token, false. Where the trait
   * `refresh` is `rotating`, a token whose brief life is over ends its login too, and so does the refresh token, which also
   * ends what the login was rotated into.
   */
  destroy(token: string): Promise<boolean>;
  /** Round trips to the service since opening, each command of a pipeline counted once; 0 where there is no service. */
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
  /** What files and servers mean that are older than the option; the default unless given. */
  absent?: string;
  /** Whether the name of an arm always says the value: without it the figures would be misread. */
  named?: boolean;
  /** Values that stand side by side in every list that the harness makes itself. */
  compared?: readonly string[];
}

/** What a method returns whose implementations are synchronous or not. */
export type Awaitable<T> = T | Promise<T>;

/** What a backend is opened with. */
export interface OpenContext {
  options: StoreOptions;
  durability: Durability;
  /** URL of the service, where there is one. */
  serviceUrl?: string;
  /** Letters, digits and `_`: keeps several arms apart on one service. */
  namespace: string;
  /** Connections to the service per server. */
  poolSize: number;
  idleSeconds: number;
  absoluteSeconds: number;
  /** Least time between two touches of a session; 0 touches on every read. */
  touchIntervalSeconds: number;
  /** How long a token lives where the trait `refresh` is `rotating`. */
  accessSeconds: number;
  /** Random per run, at least 32 bytes; signs tokens. Appears in no log and no file. */
  secret: Uint8Array;
  /** PKCS #8 PEM for asymmetric algorithms; generated per run by the harness; absent for HS256. */
  privateKeyPem?: string;
  /** Longest token that the transport carries (a cookie's limit); longer ones are `too-large`. */
  maxTokenBytes: number;
  /** What the control answers as a user's data. */
  controlData: (userId: string) => string;
  /** Milliseconds since the epoch; injected so that expiry is tested without sleeping. */
  now: () => number;
  /** Told of failures that belong to no call, such as a lost idle connection. */
  onBackgroundError: (error: unknown) => void;
}

/** One backend in the registry: everything that the CLI, the plan and the docs need to know of it. */
export interface StoreDefinition {
  name: string;
  /** One line for `list`. */
  summary: string;
  /** The control: no session at all, and what all other figures are held against. One backend is. */
  isControl?: true;
  /** Whether `gate` measures it unless told otherwise. */
  isGated?: true;
  /** The backend that this one adds to: tables show what the addition costs. */
  addsTo?: string;
  options: Readonly<Record<string, StoreOption>>;
  /** Why these options do not go together; `undefined` when they do. */
  conflict?(options: StoreOptions): { expected: string; got: string } | undefined;
  /** Where it keeps its state; `undefined` where no other process does. */
  service(options: StoreOptions): ServiceDefinition | undefined;
  /** Connections to the service that one server really opens when `poolSize` are allowed; 0 without a service. */
  connections(options: StoreOptions, poolSize: number): number;
  /** What the store offers when it is opened with these options: these capabilities and no others. */
  offers(options: StoreOptions): readonly Capability[];
  declaredTraits(options: StoreOptions, durability: Durability): DeclaredTraits;
  /** To be called by `openStore`, which holds the store against what is offered. */
  open(context: OpenContext): Promise<SessionStore>;
}

/** The service did not answer, refused, or failed: not a miss. */
export class StoreUnavailableError extends Error {
  readonly code = 'STORE_UNAVAILABLE';
  constructor(operation: string, cause: unknown) {
    super(`the session store failed in ${operation}`, { cause });
    this.name = 'StoreUnavailableError';
  }
}
