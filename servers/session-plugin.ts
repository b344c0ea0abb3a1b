import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Session, SessionStore } from '../stores/store.ts';
import { COOKIE_LIMIT_BYTES, SESSION_COOKIE, TOKEN_HEADER } from './protocol.ts';

/** How a token travels between client and server. */
export interface Transport {
  /** Longest token that fits, in bytes. */
  maxTokenBytes: number;
  /** The token that the request carries; `undefined` when it carries none. */
  tokenOf(request: FastifyRequest): string | undefined;
  issue(reply: FastifyReply, token: string): void;
  /** Tells the client to forget its token. */
  clear(reply: FastifyReply): void;
}

const ATTRIBUTES = '; Path=/; Secure; HttpOnly; SameSite=Lax';

/** The token as a `__Host-` cookie: the recommended way for browsers (RFC 6265bis). */
export function cookieTransport(): Transport {
  return {
    maxTokenBytes: COOKIE_LIMIT_BYTES - SESSION_COOKIE.length - 1,
    tokenOf: (request) => readCookie(request.headers.cookie, SESSION_COOKIE),
    issue: (reply, token) => setCookie(reply, `${SESSION_COOKIE}=${token}${ATTRIBUTES}`),
    clear: (reply) => setCookie(reply, `${SESSION_COOKIE}=; Max-Age=0${ATTRIBUTES}`),
  };
}

/** The last word counts: a touch and an update may both issue a token, and one name may be set only once (RFC 6265 §4.1.1). */
function setCookie(reply: FastifyReply, cookie: string): void {
  reply.removeHeader('set-cookie').header('set-cookie', cookie);
}

/** The token in `Authorization: Bearer` (RFC 6750); issued in a header of the reply, never in a body. */
export function bearerTransport(): Transport {
  const scheme = /^bearer +([^ ]+)$/i;
  return {
    // The tightest head limit on the way (nginx' 8 KiB lines) less room for the header's name.
    maxTokenBytes: 8000,
    tokenOf: (request) => scheme.exec(request.headers.authorization ?? '')?.[1],
    issue: (reply, token) => void reply.header(TOKEN_HEADER, token),
    clear: (reply) => void reply.header(TOKEN_HEADER, ''),
  };
}

/**
 * Value of one cookie of a Cookie header (RFC 6265 §5.4): the first of that name; `undefined` without one.
 * Scans instead of parsing the whole header into an object: this runs on every request.
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

/** A request's live session and the token it goes by now (a touch may have issued a new one). */
export interface Current {
  session: Session;
  token: string;
}

/**
 * The live session of a request, touched when the throttle allows; `undefined` when there is none.
 * @throws StoreUnavailableError when the store cannot be asked: an outage is no miss.
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
