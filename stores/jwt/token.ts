import type { Awaitable, OpenContext, SessionState, VerifyCacheStats } from '../store.ts';
import { jwtKeys } from './keys.ts';
import type { Payload } from './library.ts';
import { isSid } from './sid.ts';
import { openSigner } from './signer.ts';

/** The claims of a token. */
export interface TokenClaims extends SessionState {
  /** Identifies the login over all copies of its token. */
  sid: string;
  /** When this copy expires, in whole seconds (NumericDate, RFC 7519 §2); a touch issues a copy with a later expiry. */
  expirySeconds: number;
  /** The epoch of the deny list when it was issued; absent without a list. */
  epoch?: string | undefined;
  /** The generation of its user under which it was issued; absent where logins are not ended by that. */
  generation?: number | undefined;
  /** Only in a refresh token: identifies it among those of its login; shaped like a sid. */
  refreshId?: string | undefined;
}

/** Turns claims into signed tokens and back. Pure computation without outages: a token that fails is not valid. */
export interface TokenCodec {
  /** The signed token; `undefined` when it would be longer than the transport carries. */
  sign(claims: TokenClaims): Awaitable<string | undefined>;
  /** The claims of a valid token that has not expired; `undefined` for any other text. */
  verify(token: string): Awaitable<TokenClaims | undefined>;
  /** As `verify`, but accepts a copy that has expired while its login has not. */
  verifyLate(token: string): Awaitable<TokenClaims | undefined>;
  /** Present where verified tokens are cached. */
  cacheStats: (() => VerifyCacheStats) | undefined;
}

/**
 * RFC 8725 §3.11: explicit types, so that no other kind of token under the same key passes for a session, nor a
 * session's token for a refresh token (as RFC 9068 §2.1 separates access tokens). `inner+jwt` is what servers pass on to
 * inner services.
 */
export type TokenType = 'session+jwt' | 'refresh+jwt' | 'inner+jwt';
/** By how much a refresh token is longer than the session's token with the same claims: its id, as base64url. */
export const REFRESH_ID_BYTES: number = Math.ceil((`,"rid":"${'x'.repeat(22)}"`.length * 4) / 3);
const ISSUER = 'session-bench';
/** Servers accept each other's tokens, and clocks differ: without leeway a fresh token is refused (RFC 7519 §4.1.5). */
const NOT_BEFORE_LEEWAY_SECONDS = 5;

/**
 * The codec of a backend. Each token is checked in order of cost: the length; the header, byte for byte the one that
 * the codec writes (so that an `alg`, `jwk`, `jku` or `kid` of an attacker is never parsed, RFC 8725 §3.1); the
 * canonical spelling of the signature; the signature itself, with the algorithm pinned; every claim.
 *
 * @throws Error when the keys do not fit the algorithm.
 */
export async function openTokenCodec(
  context: OpenContext,
  type: TokenType = 'session+jwt',
): Promise<TokenCodec> {
  const { maxTokenBytes, namespace: audience } = context;
  const keys = jwtKeys(context);
  const signer = await openSigner(context.options, { keys, type, issuer: ISSUER, audience });
  const [header = '', , probe = ''] = (await signer.sign({ iat: 1 })).split('.');
  const prefix = `${header}.`;
  const isCanonical = canonicalSignature(probe.length);

  function open(token: string, late: boolean): Awaitable<TokenClaims | undefined> {
    if (token.length > maxTokenBytes || !token.startsWith(prefix) || !isCanonical(token)) return undefined;
    const nowMs = context.now();
    const claims = (payload: unknown) => claimsOf(payload, type, audience, nowMs, late);
    try {
      const payload = signer.open(token, Math.floor(nowMs / 1000), late);
      // A library reports an invalid token by throwing or rejecting.
      return payload instanceof Promise ? payload.then(claims, () => undefined) : claims(payload);
    } catch {
      return undefined;
    }
  }

  const withinLimit = (token: string) => (token.length > maxTokenBytes ? undefined : token);
  return {
    sign(claims) {
      // Signing first would hash any amount of data only to refuse it.
      if (claims.data.length > maxTokenBytes) return undefined;
      const token = signer.sign(payloadOf(claims, audience, Math.floor(context.now() / 1000)));
      return typeof token === 'string' ? withinLimit(token) : token.then(withinLimit);
    },
    verify: (token) => open(token, false),
    verifyLate: (token) => open(token, true),
    cacheStats: signer.cacheStats,
  };
}

/**
 * A signature has many spellings that decode to the same bytes: base64url leaves unused bits in its last character, and
 * decoders take `+` for `-` and skip unknown characters. Only the spelling that the codec writes is accepted.
 */
function canonicalSignature(length: number): (token: string) => boolean {
  // The last characters whose unused bits (4, 2 or none) are zero.
  const last = { 2: '[AQgw]', 3: '[AEIMQUYcgkosw048]' }[length % 4] ?? '[A-Za-z0-9_-]';
  const shape = new RegExp(`^\\.[A-Za-z0-9_-]{${length - 1}}${last}$`);
  return (token) => shape.test(token.slice(-length - 1));
}

/** What is absent is `undefined`, which JSON leaves out. */
function payloadOf(claims: TokenClaims, audience: string, nowSeconds: number): Payload {
  return {
    iss: ISSUER,
    aud: audience,
    sid: claims.sid,
    sub: claims.userId,
    role: claims.role,
    data: claims.data,
    ver: claims.version,
    cre: claims.createdAtMs,
    abs: claims.absoluteExpiryMs,
    iat: nowSeconds,
    nbf: nowSeconds,
    exp: claims.expirySeconds,
    epo: claims.epoch,
    gen: claims.generation,
    rid: claims.refreshId,
  };
}

/** Every claim is required and checked, whatever the library has checked. */
function claimsOf(
  payload: unknown,
  type: TokenType,
  audience: string,
  nowMs: number,
  late: boolean,
): TokenClaims | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined;
  const { iss, aud, sid, sub, role, data, ver, cre, abs, iat, nbf, exp, epo, gen, rid } = payload as Payload;
  if (iss !== ISSUER || aud !== audience || !isSid(sid)) return undefined;
  if (!isCount(iat) || !isCount(nbf) || !isCount(exp) || !isCount(abs) || !isCount(cre) || !isCount(ver))
    return undefined;
  if (
    (nowMs >= exp * 1000 && !late) ||
    nowMs >= abs ||
    nowMs < (Math.max(iat, nbf) - NOT_BEFORE_LEEWAY_SECONDS) * 1000
  )
    return undefined;
  if (typeof data !== 'string' || (role !== 'user' && role !== 'admin')) return undefined;
  if ((sub !== undefined && typeof sub !== 'string') || (epo !== undefined && typeof epo !== 'string'))
    return undefined;
  if (gen !== undefined && !isCount(gen)) return undefined;
  if (type === 'refresh+jwt' ? !isSid(rid) : rid !== undefined) return undefined;
  // Runs on every request: no spread, which would copy the object each time.
  return {
    sid,
    userId: sub,
    role,
    data,
    version: ver,
    createdAtMs: cre,
    absoluteExpiryMs: abs,
    expirySeconds: exp,
    epoch: epo,
    generation: gen,
    refreshId: isSid(rid) ? rid : undefined,
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
