import type { TokenSessions } from '../jwt/session.ts';
import { newSid } from '../jwt/sid.ts';
import { openTokenCodec, REFRESH_ID_BYTES, type TokenClaims, type TokenCodec } from '../jwt/token.ts';
import type { Awaitable, Capabilities, OpenContext } from '../store.ts';
import type { DenyList } from './deny-list.ts';

/** The tokens of a session; the refresh token, and its id in the deny list, only for a login in rotating mode. */
export interface IssuedTokens {
  token: string;
  refreshToken?: string;
  refreshId?: string;
}

/** Issues the tokens of sessions whose claims expire when the session idles away. */
export interface TokenIssuer {
  /** Codec of the session tokens. */
  codec: TokenCodec;
  /** `undefined` when one of them would be longer than the transport carries. */
  issue(claims: TokenClaims): Awaitable<IssuedTokens | undefined>;
  /** Whether these claims are short-lived, and renewed by a refresh token instead of touch. */
  isRenewed(claims: TokenClaims): boolean;
  /**
   * Proof that the caller may rotate this login: in rotating mode the id of its own refresh token, whether used before
   * or not. `undefined` when it is required and missing.
   */
  mayRotate(
    claims: TokenClaims,
    refreshToken: string | undefined,
  ): Awaitable<{ presentedId?: string } | undefined>;
  /** The claims of any token that may end its login: also an expired session token, or its refresh token. */
  verifyToEnd(token: string): Awaitable<TokenClaims | undefined>;
}

/** One token for a session, valid until it idles away: `refresh=off`. */
export async function singleTokens(context: OpenContext): Promise<TokenIssuer> {
  const codec = await openTokenCodec(context);
  return {
    codec,
    async issue(claims) {
      const token = await codec.sign(claims);
      return token === undefined ? undefined : { token };
    },
    isRenewed: () => false,
    mayRotate: () => ({}),
    verifyToEnd: (token) => codec.verify(token),
  };
}

/** The issuer of rotating mode, where a login of a user has both tokens. */
export interface RotatingTokens extends TokenIssuer {
  /** As `issue`, for a session that has a user. */
  issueLogin(claims: TokenClaims): Promise<Required<IssuedTokens> | undefined>;
  /** The claims of a valid refresh token that has not expired, whether used before or not. */
  verifyRefresh(refreshToken: string): Promise<(TokenClaims & { refreshId: string }) | undefined>;
}

/**
 * For a login a short-lived token, and a refresh token that is valid until the login idles away. An anonymous session
 * has one token, as with {@link singleTokens}: there is nothing to steal.
 */
export async function rotatingTokens(context: OpenContext): Promise<RotatingTokens> {
  // Data that fits in a session's token must fit in the refresh token too, which is longer.
  const codec = await openTokenCodec({ ...context, maxTokenBytes: context.maxTokenBytes - REFRESH_ID_BYTES });
  const refreshCodec = await openTokenCodec(context, 'refresh+jwt');
  const isRenewed = (claims: TokenClaims) => claims.userId !== undefined;

  async function issueLogin({
    refreshId: _former,
    ...claims
  }: TokenClaims): Promise<Required<IssuedTokens> | undefined> {
    // Not past the idle expiry: the index forgets the login then, and a revocation would not reach the token.
    const endsSeconds = Math.floor(context.now() / 1000 + context.accessSeconds);
    const expirySeconds = Math.min(claims.expirySeconds, endsSeconds);
    const refreshId = newSid();
    const token = await codec.sign({ ...claims, expirySeconds });
    const refreshToken = await refreshCodec.sign({ ...claims, refreshId });
    return token === undefined || refreshToken === undefined ? undefined : { token, refreshToken, refreshId };
  }
  async function verifyRefresh(refreshToken: string) {
    const claims = await refreshCodec.verify(refreshToken);
    return claims?.refreshId === undefined ? undefined : { ...claims, refreshId: claims.refreshId };
  }

  return {
    codec,
    issueLogin,
    verifyRefresh,
    isRenewed,
    async issue(claims) {
      if (isRenewed(claims)) return issueLogin(claims);
      const token = await codec.sign(claims);
      return token === undefined ? undefined : { token };
    },
    async mayRotate(claims, refreshToken) {
      if (!isRenewed(claims)) return {};
      const presented = refreshToken === undefined ? undefined : await verifyRefresh(refreshToken);
      return presented?.sid === claims.sid ? { presentedId: presented.refreshId } : undefined;
    },
    verifyToEnd: async (token) => (await codec.verifyLate(token)) ?? verifyRefresh(token),
  };
}

/**
 * The method `refresh` of rotating mode. Signs first, so that a failure to issue does not consume the refresh token.
 * The refresh token alone determines the session; the data may come from a copy of its session token. The client
 * chooses among its own copies, as with every token that holds the data.
 */
export function refreshing(
  tokens: RotatingTokens,
  sessions: TokenSessions,
  denyList: DenyList,
): Capabilities['refresh'] {
  return async (refreshToken, token) => {
    const claims = await tokens.verifyRefresh(refreshToken);
    if (claims === undefined || claims.epoch !== denyList.epoch) return { status: 'gone' };
    const copy = token === undefined ? undefined : await tokens.codec.verifyLate(token);
    const { data, version } = copy?.sid === claims.sid ? copy : claims;
    const next = sessions.touched({ ...claims, data, version });
    const issued = await tokens.issueLogin(next);
    if (issued === undefined) return { status: 'gone' };
    const status = await denyList.exchange(claims, {
      presentedId: claims.refreshId,
      nextId: issued.refreshId,
      idleExpiryMs: next.expirySeconds * 1000,
    });
    if (status !== 'exchanged') return { status };
    return { status: 'refreshed', token: issued.token, refreshToken: issued.refreshToken };
  };
}
