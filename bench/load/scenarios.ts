import { ORIGIN, payloadFor, SESSION_COOKIE, TOKEN_HEADER } from '../../servers/protocol.ts';
import { shuffled } from '../stats/random.ts';
import type { Credentials } from './client.ts';
import type { Operation } from './job.ts';

/** A session that was created before the load. */
export interface LiveSession {
  user: string;
  credentials: Credentials;
  /** Index of the target that created it. */
  target: number;
  /** What each read of it must show, where only its first read tells. */
  shows?: unknown;
}

/** The headers of a reply, names and values alternating. Lazy, for most checks do not need them. */
export type RawHeaders = () => readonly string[];

/** Whether a reply is correct. The headers may be read only during the call. */
export type Check = (status: number, body: string, headers: RawHeaders) => boolean;

/** One request, ready to be built into bytes, and the check of its reply. */
export interface PlannedRequest {
  operation: Operation;
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
  check: Check;
  /** The check depends on the reply's bytes alone: the same bytes are right again. Default false. */
  isPure?: boolean;
}

const WRITE_HEADERS = { origin: ORIGIN, 'content-type': 'application/json' };

/** Reads the session: the reply must be this user's, complete, with data that this user can have. */
export function readRequest(session: LiveSession, payloadBytes: number): PlannedRequest {
  const head = `{"user":"${session.user}","role":"user","version":`;
  const sample = payloadFor(session.user, 0, payloadBytes);
  const dataHead = sample.slice(0, session.user.length + 1);
  // After user and revision the data is the same for all: one long comparison instead of a text for each session.
  const tail = `${sample.slice(dataHead.length + REVISION_DIGITS)}"}`;
  const middle = new RegExp(`^[0-9]+,"data":"${dataHead.replace('.', '\\.')}[0-9]{${REVISION_DIGITS}}$`);
  return {
    operation: 'read',
    method: 'GET',
    path: '/session',
    headers: { ...session.credentials },
    isPure: true,
    check: (status, body) =>
      status === 200 &&
      body.startsWith(head) &&
      body.endsWith(tail) &&
      middle.test(body.slice(head.length, body.length - tail.length)),
  };
}

const REVISION_DIGITS = 6;

/** Replaces the session's data by its next revision. */
export function updateRequest(session: LiveSession, payloadBytes: number): PlannedRequest {
  const data = payloadFor(session.user, 1, payloadBytes);
  const head = `{"user":"${session.user}","version":`;
  const tail = `,"bytes":${Buffer.byteLength(data)}}`;
  return {
    operation: 'update',
    method: 'PATCH',
    path: '/session',
    headers: { ...session.credentials, ...WRITE_HEADERS },
    body: JSON.stringify({ data }),
    check: (status, body) => status === 200 && body.startsWith(head) && body.endsWith(tail),
  };
}

/** Logs a user in without an existing session. */
export function loginRequest(user: string, password: string): PlannedRequest {
  const expected = `{"user":"${user}","role":"user"}`;
  return {
    operation: 'login',
    method: 'POST',
    path: '/login',
    headers: { ...WRITE_HEADERS },
    body: JSON.stringify({ user, password }),
    check: (status, body, headers) => status === 200 && body === expected && issuesToken(headers()),
  };
}

/** Begins an anonymous session, as a new client without cookies does. */
export function visitRequest(): PlannedRequest {
  return {
    operation: 'visit',
    method: 'POST',
    path: '/visit',
    headers: { origin: ORIGIN },
    check: (status, body, headers) => status === 200 && body === '{"user":null}' && issuesToken(headers()),
  };
}

/** Ends the session. */
export function logoutRequest(session: Pick<LiveSession, 'credentials'>): PlannedRequest {
  return {
    operation: 'logout',
    method: 'POST',
    path: '/logout',
    headers: { ...session.credentials, origin: ORIGIN },
    check: (status, body) => status === 200 && body === '{"status":"logged_out"}',
  };
}

function issuesToken(rawHeaders: readonly string[]): boolean {
  return rawHeaders.some(
    (text, index) =>
      text.startsWith(`${SESSION_COOKIE}=`) ||
      (index % 2 === 0 && text.toLowerCase() === TOKEN_HEADER && rawHeaders[index + 1] !== ''),
  );
}

/**
 * Which of `count` sessions each of `length` requests uses. `uniform` uses each equally often, in random order; `zipf`
 * uses the session of rank k in proportion to 1/k (exponent 1, as in YCSB's hot keys).
 */
export function keySequence(
  kind: 'uniform' | 'zipf',
  count: number,
  length: number,
  random: () => number,
): number[] {
  if (kind === 'uniform') {
    const order: number[] = [];
    const indices = Array.from({ length: count }, (_, index) => index);
    while (order.length < length) for (const key of shuffled(indices, random)) order.push(key);
    return order.slice(0, length);
  }
  const cumulative: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= count; rank += 1) {
    sum += 1 / rank;
    cumulative.push(sum);
  }
  return Array.from({ length }, () => lowerBound(cumulative, random() * sum));
}

function lowerBound(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The mix, per 200 requests: 90 % read, 9 % update, half a percent each of login and logout. */
export const MIX: readonly Operation[] = [
  ...Array<Operation>(180).fill('read'),
  ...Array<Operation>(18).fill('update'),
  'login',
  'logout',
];

/** The bytes of a request (RFC 9112 §3), built once and not on every send. `authority` is host and port. */
export function requestBytes(
  request: Pick<PlannedRequest, 'method' | 'path' | 'body'>,
  headers: Readonly<Record<string, string>>,
  authority: string,
): Buffer {
  const { method, path, body = '' } = request;
  const lines = [`${method} ${path} HTTP/1.1`, `host: ${authority}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (method !== 'GET') lines.push(`content-length: ${Buffer.byteLength(body)}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
