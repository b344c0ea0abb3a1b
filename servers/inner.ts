/**
 * Fan-out: a server in front has each read checked by inner services, which are servers of the same program. `ask`: each
 * is passed the credential of the request, and checks it as its backend does. `token`: each is passed a short token that
 * the server in front has signed after it asked its own store.
 */

import type { FastifyRequest } from 'fastify';
import { Pool } from 'undici';
import { newSid } from '../stores/jwt/sid.ts';
import { openTokenCodec, type TokenCodec } from '../stores/jwt/token.ts';
import { type OpenContext, type Session, StoreUnavailableError } from '../stores/store.ts';
import { INNER_PATH, INNER_TOKEN_HEADER, INNER_TOKEN_SECONDS, type InnerPlan } from './protocol.ts';

/** One side of the fan-out. */
export interface Inner {
  /** In front: whether every inner service knows this user. @throws StoreUnavailableError when one does not say. */
  confirm(request: FastifyRequest, session: Session): Promise<boolean>;
  /** Within, where tokens are passed: the user of a valid one; `undefined` without one. */
  userOf: ((request: FastifyRequest) => Promise<InnerUser | undefined>) | undefined;
  close(): Promise<void>;
}

/** `null` is a visitor. */
export interface InnerUser {
  user: string | null;
}

/** As many as the load generator has connections: no request waits for another one's. */
const CONNECTIONS = 64;
const TIMEOUT_MS = 5_000;

/** Opens the side that a plan names: with URLs the one in front. The caller closes it. */
export async function openInner({ check, urls = [] }: InnerPlan, context: OpenContext): Promise<Inner> {
  const tokens = check === 'token' ? await openTokens(context) : undefined;
  const pools = urls.map((url) => {
    const limits = { headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS, keepAliveTimeout: 60_000 };
    return new Pool(url, { connections: CONNECTIONS, pipelining: 1, ...limits });
  });
  return {
    async confirm(request, session) {
      const headers = tokens === undefined ? credentialOf(request) : await tokens.headersFor(session);
      const known = await Promise.all(pools.map((pool) => ask(pool, headers)));
      const { userId = null } = session;
      return known.every((one) => {
        if (one === undefined) return false;
        if (one.user === userId) return true;
        throw new Error('expected an inner service to know the same user, got another one');
      });
    },
    userOf: tokens?.userOf,
    async close() {
      await Promise.all(pools.map((pool) => pool.close()));
    },
  };
}

type Headers = Record<string, string>;

/** What a request says of its user, whatever the transport is. */
function credentialOf({ headers: { cookie, authorization } }: FastifyRequest): Headers {
  return {
    ...(cookie === undefined ? {} : { cookie }),
    ...(authorization === undefined ? {} : { authorization }),
  };
}

async function ask(pool: Pool, headers: Headers): Promise<InnerUser | undefined> {
  const { statusCode, text } = await replyOf(pool, headers);
  if (statusCode === 401) return undefined;
  if (statusCode !== 200)
    throw new StoreUnavailableError('an inner service', new Error(`it replied ${statusCode}`));
  return JSON.parse(text) as InnerUser;
}

async function replyOf(pool: Pool, headers: Headers): Promise<{ statusCode: number; text: string }> {
  try {
    const { statusCode, body } = await pool.request({ path: INNER_PATH, method: 'GET', headers });
    return { statusCode, text: await body.text() };
  } catch (cause) {
    throw new StoreUnavailableError('an inner service', cause);
  }
}

/** Tokens of a type of their own: no browser's token passes for one, and none of them passes for a session. */
async function openTokens(
  context: OpenContext,
): Promise<Required<Pick<Inner, 'userOf'>> & { headersFor(session: Session): Promise<Headers> }> {
  // The fastest library that is maintained, whatever the backend's own tokens are signed by.
  const codec: TokenCodec = await openTokenCodec({ ...context, options: {} }, 'inner+jwt');
  return {
    async headersFor({ userId, role, version, createdAtMs, absoluteExpiryMs }) {
      const untilMs = Math.min(context.now() + INNER_TOKEN_SECONDS * 1000, absoluteExpiryMs);
      const identity = { sid: newSid(), userId, role, data: '', version, createdAtMs, absoluteExpiryMs };
      const token = await codec.sign({ ...identity, expirySeconds: Math.floor(untilMs / 1000) });
      if (token === undefined) throw new Error('expected a token of an identity to fit into a header');
      return { [INNER_TOKEN_HEADER]: token };
    },
    async userOf({ headers }) {
      const token = headers[INNER_TOKEN_HEADER];
      const claims = typeof token === 'string' ? await codec.verify(token) : undefined;
      return claims === undefined ? undefined : { user: claims.userId ?? null };
    },
  };
}
