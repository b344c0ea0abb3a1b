import { createHmac, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { SessionStore } from '../stores/store.ts';
import type { ServerConfig } from './config.ts';
import { deriveKey } from './derived-key.ts';
import type { Refusal } from './frozen.ts';
import { CSRF_HEADER, ORIGIN } from './protocol.ts';
import type { Transport } from './session-plugin.ts';

export type CsrfRefusal = Extract<Refusal, 'foreign_origin' | `csrf_${string}`>;

/** Distinguishes a write of our own pages from one that another site makes the browser send (ASVS 5 V3.5.1). */
export interface CsrfDefence {
  /**
   * Why a request that changes state is refused; `undefined` when it is allowed. Only for requests whose `Origin` is
   * not ours: the caller has compared it.
   * @throws StoreUnavailableError when the session must be read and the store is not available.
   */
  refusalOf(request: FastifyRequest): Promise<CsrfRefusal | undefined>;
  /** The token for the session of this handle. */
  tokenFor(handle: string): string;
}

/** The route where the refresh cookie alone authorizes. */
export const REFRESH_PATH = '/token/refresh';

/**
 * The defence for cookies: by `Origin`, else by `Sec-Fetch-Site`, else by a token for browsers that send neither. The
 * token is bound to the session, so that an attacker's own token does not work (OWASP, signed double submit).
 */
export function csrfDefence(
  config: Pick<ServerConfig, 'secret'>,
  store: Pick<SessionStore, 'read'>,
  transport: Pick<Transport, 'tokenOf' | 'refreshTokenOf'>,
): CsrfDefence {
  const key = deriveKey(config, 'csrf');
  const tokenFor = (handle: string) => createHmac('sha256', key).update(handle).digest('base64url');

  /** For browsers that name neither origin nor site. */
  async function refusalByToken(request: FastifyRequest): Promise<CsrfRefusal | undefined> {
    const token = transport.tokenOf(request);
    const refreshToken = transport.refreshTokenOf(request);
    // Without our cookies a request acts for nobody. A form could still make us set or clear cookies, to log a user
    // out, but the application accepts none of a form's content types.
    if (token === undefined && refreshToken === undefined) return undefined;
    const given = request.headers[CSRF_HEADER];
    if (typeof given !== 'string') return 'csrf_token_missing';
    const session = token === undefined ? undefined : await store.read(token);
    if (session !== undefined)
      return isEqual(given, tokenFor(session.handle)) ? undefined : 'csrf_token_wrong';
    // A dead cookie authorizes nothing, and must not keep its holder from logging in. A refresh cookie does authorize,
    // and its owner is known only once it is used: such browsers refresh while their session is alive.
    return refreshToken !== undefined && isRefresh(request) ? 'csrf_token_wrong' : undefined;
  }

  return {
    async refusalOf(request) {
      const { origin } = request.headers;
      if (origin !== undefined) return origin === ORIGIN ? undefined : 'foreign_origin';
      const site = request.headers['sec-fetch-site'];
      if (site !== undefined) return site === 'same-origin' || site === 'none' ? undefined : 'foreign_origin';
      return refusalByToken(request);
    },
    tokenFor,
  };
}

/** By the matched route, not by the URL, which has many spellings. */
function isRefresh(request: FastifyRequest): boolean {
  return request.routeOptions.url === REFRESH_PATH;
}

function isEqual(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
