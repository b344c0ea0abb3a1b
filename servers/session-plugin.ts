import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Session, SessionStore } from '../stores/store.ts';
import {
  COOKIE_LIMIT_BYTES,
  REFRESH_COOKIE,
  REFRESH_HEADER,
  SESSION_COOKIE,
  TOKEN_HEADER,
} from './protocol.ts';

/** How tokens travel between client and server. */
export interface Transport {
  /** Longest token that the transport can carry, in bytes. */
  maxTokenBytes: number;
  /** The token of the request; `undefined` when it carries none. */
  tokenOf(request: FastifyRequest): string | undefined;
  /** The refresh token of the request; `undefined` when it carries none. */
  refreshTokenOf(request: FastifyRequest): string | undefined;
  issue(reply: FastifyReply, token: string): void;
  issueRefresh(reply: FastifyReply, refreshToken: string): void;
  /** Makes the client delete its token, and its refresh token where the backend issues any. */
  clear(reply: FastifyReply): void;
}

export interface TransportOptions {
  /** Whether the backend issues refresh tokens; without them a logout clears no such cookie. */
  refresh?: boolean;
}

const ATTRIBUTES = '; Path=/; Secure; HttpOnly; SameSite=Lax';

/** The tokens as `__Host-` cookies, the recommended transport for browsers (RFC 6265bis). */
export function cookieTransport({ refresh = false }: TransportOptions = {}): Transport {
  const longestName = Math.max(SESSION_COOKIE.length, refresh ? REFRESH_COOKIE.length : 0);
  return {
    maxTokenBytes: COOKIE_LIMIT_BYTES - longestName - 1,
    tokenOf: (request) => readCookie(request.headers.cookie, SESSION_COOKIE),
    refreshTokenOf: (request) => readCookie(request.headers.cookie, REFRESH_COOKIE),
    issue: (reply, token) => setCookie(reply, SESSION_COOKIE, `${token}${ATTRIBUTES}`),
    issueRefresh: (reply, token) => setCookie(reply, REFRESH_COOKIE, `${token}${ATTRIBUTES}`),
    clear: (reply) => {
      setCookie(reply, SESSION_COOKIE, `; Max-Age=0${ATTRIBUTES}`);
      if (refresh) setCookie(reply, REFRESH_COOKIE, `; Max-Age=0${ATTRIBUTES}`);
    },
  };
}

/**
 * The last value wins: a touch and an update may both issue a token, and a name may be set only once (RFC 6265 §4.1.1).
 */
function setCookie(reply: FastifyReply, name: string, value: string): void {
  const cookie = `${name}=${value}`;
  const before = reply.getHeader('set-cookie');
  if (before === undefined) {
    reply.header('set-cookie', cookie);
    return;
  }
  const others = (Array.isArray(before) ? before : [String(before)]).filter(
    (line) => !line.startsWith(`${name}=`),
  );
  reply.removeHeader('set-cookie').header('set-cookie', others.length === 0 ? cookie : [...others, cookie]);
}

/**
 * The token in `Authorization: Bearer` (RFC 6750), the refresh token in a header of its own. Replies carry both in
 * headers, never in a body.
 */
export function bearerTransport({ refresh = false }: TransportOptions = {}): Transport {
  const scheme = /^bearer +([^ ]+)$/i;
  return {
    // The smallest head limit on the way (nginx: lines of 8 KiB) less space for the header's name.
    maxTokenBytes: 8000,
    tokenOf: (request) => scheme.exec(request.headers.authorization ?? '')?.[1],
    refreshTokenOf: (request) => {
      const token = request.headers[REFRESH_HEADER];
      return typeof token === 'string' ? token : undefined;
    },
    issue: (reply, token) => void reply.header(TOKEN_HEADER, token),
    issueRefresh: (reply, token) => void reply.header(REFRESH_HEADER, token),
    clear: (reply) => {
      reply.header(TOKEN_HEADER, '');
      if (refresh) reply.header(REFRESH_HEADER, '');
    },
  };
}

/**
 * Value of one cookie of a Cookie header (RFC 6265 §5.4): the first of that name; `undefined` without one. Scans
 * instead of parsing the whole header into an object, for it runs on every request.
 */
export function readCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  let start = 0;
  while (start < header.length) {
    while (header.charCodeAt(start) === 32) start += 1;
    let end = header.indexOf(';', start);
    if (end === -1) end = header.length;
    if (header.startsWith(name, start) && header.charCodeAt(start + name.length) === 61) {
      return header.slice(start + name.length + 1, end).trimEnd();
    }
    start = end + 1;
  }
  return undefined;
}

/** A request's live session and its current token (a touch may have issued a new one). */
export interface Current {
  session: Session;
  token: string;
}

/**
 * The live session of a request, touched when the throttle allows; `undefined` when there is none.
 * @throws StoreUnavailableError when the store is not available: an outage is not a miss.
 */
export async function currentSession(
  store: SessionStore,
  transport: Transport,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Current | undefined> {
  const token = transport.tokenOf(request);
  if (token === undefined) return undefined;
  const session = await store.read(token);
  if (session === undefined) return undefined;
  if (!session.touchDue) return { session, token };
  const touched = await store.touch(token);
  if (touched === undefined) return undefined;
  if (touched.token === undefined) return { session, token };
  transport.issue(reply, touched.token);
  return { session, token: touched.token };
}
