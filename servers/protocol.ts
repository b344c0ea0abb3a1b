/**
 * What a server and its client must agree on: names, and the rule that makes session data. All of it is
 * frozen, and so is what `frozen.ts` lists: the two may be of different commits. Imports nothing.
 */

/** Session cookie: `__Host-` fixes Path=/, Secure and no Domain (RFC 6265bis §4.1.3.2); a generic name says nothing about us. */
export const SESSION_COOKIE = '__Host-id';

/** Cookie of the refresh token, where the backend issues one: the same attributes as the session's. */
export const REFRESH_COOKIE = '__Host-refresh';

/** The balancer's own affinity cookie. Independent of the session, so that a new session id moves nobody. */
export const AFFINITY_COOKIE = 'lb';

/** Header by which each reply names the server that made it. */
export const SERVER_HEADER = 'x-served-by';

/** Header in which a bearer client finds a new token. */
export const TOKEN_HEADER = 'x-session-token';

/** Header by which a bearer client sends its refresh token, and finds a new one. */
export const REFRESH_HEADER = 'x-refresh-token';

/** Header in which the token of `GET /csrf` comes back. */
export const CSRF_HEADER = 'x-csrf-token';

/** Largest `name=value` that browsers keep in one cookie, in bytes (RFC 6265 §6.1). */
export const COOKIE_LIMIT_BYTES = 4096;

/** Longest body taken: 64 KiB of data, each byte escaped at worst, and its envelope. */
export const BODY_LIMIT_BYTES = 512 * 1024;

/** The origin that our own clients name, and the only one that may change state. */
export const ORIGIN = 'https://session-bench.test';

/** User names are of fixed width, so that no reply differs in length by who asked. */
export function userName(index: number): string {
  return `u${String(index).padStart(7, '0')}`;
}

/** The administrator of the fixture. */
export const ADMIN_USER = 'admin000';

const FILLER = 'abcdefghijklmnopqrstuvwxyz0123456789';

/**
 * Session data of a user at a revision: begins with both, so that another user's or a stale answer is
 * noticed, and is filled with ASCII text to `payloadBytes` (never shorter than its beginning).
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
  /** The backend that a server runs, and all of its options as they are in force. Servers of older commits do not say. */
  store?: string;
  options?: Readonly<Record<string, string>>;
}

/** Slowness that is planted into a server to prove the instrument; absent parts are not. */
export interface Handicap {
  /**
   * CPU burned by looking at the clock for so long, in microseconds. What it takes to look comes on top: some 0.5 to 3 µs,
   * the more the colder the code. A wait of 0 costs that alone, and is what a longer one is to be held against.
   */
  busyUs?: number;
  /** A wait that costs no CPU and leaves the server free meanwhile, in milliseconds. */
  sleepMs?: number;
  /** More readings of the request's session, one after the other: round trips, where there is a service. */
  extraTrips?: number;
  /** Every so many requests the whole server stands still for `stallMs`, without using CPU, as in a slow call to the disk. */
  stallEveryRequests?: number;
  stallMs?: number;
}
