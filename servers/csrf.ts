import { createHmac, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { SessionStore } from '../stores/store.ts';
import type { ServerConfig } from './config.ts';
import { deriveKey } from './derived-key.ts';
import type { Refusal } from './frozen.ts';
import { CSRF_HEADER, ORIGIN } from './protocol.ts';
import type { Transport } from './session-plugin.ts';

export type CsrfRefusal = Extract<Refusal, 'foreign_origin' | `csrf_${string}`>;

/** What tells a write of our own pages from one that another site makes the browser send (ASVS 5 V3.5.1). */
export interface CsrfDefence {
  /**
   * Why a request that changes state is refused; `undefined` when it may go on. Only for requests whose `Origin` is not
   * ours: the caller has compared it.
   * @throws StoreUnavailableError when the session must be known and the store cannot be asked.
   */
  refusalOf(request: FastifyRequest): Promise<CsrfRefusal | undefined>;
  /** The token that goes with the session of this handle. */
  tokenFor(handle: string): string;
}

/** Where the refresh cookie alone gives the right to do something. */
export const REFRESH_PATH = '/token/refresh';

/**
 * The defence of cookies: by `Origin`, else by `Sec-Fetch-Site`, else by a token for browsers that send neither. The
 * token is bound to the session, so that one of the attacker's own does not help (OWASP, signed double submit).
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
    // Without our cookies nothing is done in anybody's name. That a reply gives or takes cookies a form could still use,
    // to log somebody out: but the application takes none of the content types that a form has.
    if (token === undefined && refreshToken === undefined) return undefined;
    const given = request.headers[CSRF_HEADER];
    if (typeof given !== 'string') return 'csrf_token_missing';
    const session = token === undefined ? undefined : await store.read(token);
    if (session !== undefined)
      return isEqual(given, tokenFor(session.handle)) ? undefined : 'csrf_token_wrong';
    // A dead cookie gives no right to anything, and must not keep its holder from logging in. A refresh cookie does
    // give one, and whose it is shows only by its use: such browsers refresh while their session lives.
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

/** By the route that was found, not by the URL, which has many spellings. */
function isRefresh(request: FastifyRequest): boolean {
  return request.routeOptions.url === REFRESH_PATH;
}

function isEqual(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
