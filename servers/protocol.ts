/**
 * What a server and its client agree on: names, and the rule for session data. All of it is frozen, as is the list in
 * `frozen.ts`, because the two may be of different commits. Imports nothing.
 */

/**
 * Session cookie: `__Host-` fixes Path=/, Secure and no Domain (RFC 6265bis §4.1.3.2); a generic name reveals nothing.
 */
export const SESSION_COOKIE = '__Host-id';

/** Cookie of the refresh token, where the backend issues one; same attributes as the session cookie. */
export const REFRESH_COOKIE = '__Host-refresh';

/** The balancer's affinity cookie. Independent of the session, so that a new session id does not move a user. */
export const AFFINITY_COOKIE = 'lb';

/** Endpoint of an inner service (`--inner`), which says whose a credential or a token is. */
export const INNER_PATH = '/inner/session';

/** Header in which a server in front passes its own token to inner services, and how long they accept it. */
export const INNER_TOKEN_HEADER = 'x-inner-token';
export const INNER_TOKEN_SECONDS = 60;

/**
 * A server's part in a fan-out. `ask`: inner services check the credential of the request. `token`: a token of the server
 * in front, which asked for them.
 */
export interface InnerPlan {
  check: 'ask' | 'token';
  /** Of the inner services, in the server in front of them; absent in those. */
  urls?: readonly string[];
}

/** Header with the id of the server that replied. */
export const SERVER_HEADER = 'x-served-by';

/** Header that carries a new token to a bearer client. */
export const TOKEN_HEADER = 'x-session-token';

/** Header that carries the refresh token of a bearer client, in both directions. */
export const REFRESH_HEADER = 'x-refresh-token';

/** Reply header of `GET /csrf` that carries the token. */
export const CSRF_HEADER = 'x-csrf-token';

/** Largest `name=value` that browsers store in one cookie, in bytes (RFC 6265 §6.1). */
export const COOKIE_LIMIT_BYTES = 4096;

/** Longest accepted body: 64 KiB of data, every byte escaped at worst, and its envelope. */
export const BODY_LIMIT_BYTES = 512 * 1024;

/** The origin that our clients send, and the only one that may change state. */
export const ORIGIN = 'https://session-bench.test';

/** User names have a fixed width, so that the length of a reply does not depend on the user. */
export function userName(index: number): string {
  return `u${String(index).padStart(7, '0')}`;
}

/** The administrator of the fixture. */
export const ADMIN_USER = 'admin000';

const FILLER = 'abcdefghijklmnopqrstuvwxyz0123456789';

/**
 * Session data of a user at a revision. It begins with both, so that another user's reply or a stale one is detected,
 * and is filled with ASCII text to `payloadBytes` (never shorter than its beginning).
 */
export function payloadFor(user: string, revision: number, payloadBytes: number): string {
  const head = `${user}.${String(revision).padStart(6, '0')}.`;
  const missing = payloadBytes - head.length;
  return missing <= 0 ? head : head + FILLER.repeat(Math.ceil(missing / FILLER.length)).slice(0, missing);
}

/** First IPC message of a server or of the built-in balancer, once it accepts connections. */
export interface ReadyMessage {
  type: 'ready';
  port: number;
  /** The backend of a server, and all of its options as they are in force. Servers of older commits omit them. */
  store?: string;
  options?: Readonly<Record<string, string>>;
}

/** Slowness planted into a server to prove the instrument; absent parts add none. */
export interface Handicap {
  /**
   * CPU burned by polling the clock, in microseconds. A poll itself takes some 0.5 to 3 µs more, the colder the code
   * the longer. A wait of 0 costs only that, and is the baseline for a longer one.
   */
  busyUs?: number;
  /** A wait without CPU during which the server serves others, in milliseconds. */
  sleepMs?: number;
  /** Additional reads of the request's session, one after the other: round trips, where there is a service. */
  extraTrips?: number;
  /** Additional writes of one byte to a device that takes everything: system calls. */
  extraWrites?: number;
  /** Period, in requests, at which the whole server blocks for `stallMs` without CPU, as in a slow disk call. */
  stallEveryRequests?: number;
  stallMs?: number;
}

/** Begins the line with which a server ends for a module of the user's; JSON follows: expected, got, remedy. */
export const MODULE_FAULT = 'STORE_MODULE ';
