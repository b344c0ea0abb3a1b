import { type KeyObject, sign as signBytes, verify as verifyBytes } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';
import { type JwtKeys, jwtKeys } from './jwt-keys.ts';
import { isSid } from './jwt-sid.ts';
import type { OpenContext, Role } from './store.ts';

/** What a token says of its session. */
export interface TokenClaims {
  /** Names the login over all copies of its token. */
  sid: string;
  userId?: string;
  role: Role;
  data: string;
  version: number;
  createdAtMs: number;
  absoluteExpiryMs: number;
  /** When this copy ends, in whole seconds (NumericDate, RFC 7519 §2): a touch issues one that ends later. */
  expirySeconds: number;
  /** The epoch of the deny list that it was issued under, where there is one. */
  epoch?: string;
  /** Of a refresh token, and of no other: names this one of its login's, shaped like a sid. */
  refreshId?: string;
}

/** Turns claims into signed tokens and back. Pure computation: it has no outage, so what fails is no token of ours. */
export interface TokenCodec {
  /** The signed token; `undefined` when it would be longer than the transport carries. */
  sign(claims: TokenClaims): string | undefined;
  /** The claims of a token that we signed and that is within its time; `undefined` for any other text. */
  verify(token: string): TokenClaims | undefined;
  /** As `verify`, also when the copy's own time is over, but not that of its login. */
  verifyLate(token: string): TokenClaims | undefined;
}

/**
 * RFC 8725 §3.11: explicit types, so that no other kind of token under the same key passes for a session, nor a
 * session's token for a refresh token (as RFC 9068 §2.1 keeps access tokens apart).
 */
export type TokenType = 'session+jwt' | 'refresh+jwt';
/** What a refresh token is longer by than the session's token with the same claims: its id, as base64url. */
export const REFRESH_ID_BYTES: number = Math.ceil((`,"rid":"${'x'.repeat(22)}"`.length * 4) / 3);
const ISSUER = 'session-bench';
/** Servers issue for each other, and clocks differ: without leeway a fresh token is refused (RFC 7519 §4.1.5). */
const NOT_BEFORE_LEEWAY_SECONDS = 5;

type Payload = Record<string, unknown>;
interface Signer {
  sign(payload: Payload): string;
  /** The payload, when the signature is ours. `late`: whatever its exp. */
  open(token: string, nowSeconds: number, late: boolean): unknown;
}

/**
 * The codec of a backend. Each token passes, in this order, from cheap to dear: length; the header, byte for byte the
 * one we write (so that no `alg`, `jwk`, `jku` or `kid` of a stranger is ever parsed, RFC 8725 §3.1); the one
 * canonical spelling of the signature; the signature itself, with the algorithm pinned; the claims, all of them.
 *
 * @throws Error when the keys do not fit the algorithm.
 */
export function openTokenCodec(context: OpenContext, type: TokenType = 'session+jwt'): TokenCodec {
  const keys = jwtKeys(context);
  const audience = context.namespace;
  const signer =
    keys.algorithm === 'EdDSA' ? edwardsSigner(keys, type) : jsonwebtokenSigner(keys, type, audience);
  const [header = '', , probe = ''] = signer.sign({ iat: 1 }).split('.');
  const prefix = `${header}.`;
  const isCanonical = canonicalSignature(probe.length);

  function open(token: string, late: boolean): TokenClaims | undefined {
    if (token.length > context.maxTokenBytes || !token.startsWith(prefix) || !isCanonical(token))
      return undefined;
    try {
      const nowMs = context.now();
      const payload = signer.open(token, Math.floor(nowMs / 1000), late);
      return claimsOf(payload, type, audience, nowMs, late);
    } catch {
      // jsonwebtoken says "not ours" by an error, and so does JSON.parse.
      return undefined;
    }
  }

  return {
    sign(claims) {
      // Signing first would spend a hash over any amount of data only to refuse it.
      if (claims.data.length > context.maxTokenBytes) return undefined;
      const token = signer.sign(payloadOf(claims, audience, Math.floor(context.now() / 1000)));
      return token.length > context.maxTokenBytes ? undefined : token;
    },
    verify: (token) => open(token, false),
    verifyLate: (token) => open(token, true),
  };
}

function jsonwebtokenSigner(
  { algorithm, signing, verifying }: JwtKeys,
  type: TokenType,
  audience: string,
): Signer {
  const pinned = algorithm as jsonwebtoken.Algorithm;
  const signOptions: jsonwebtoken.SignOptions = {
    algorithm: pinned,
    header: { alg: pinned, typ: type },
  };
  return {
    sign: (payload) => jsonwebtoken.sign(payload, signing, signOptions),
    open: (token, nowSeconds, late) =>
      jsonwebtoken.verify(token, verifying, {
        algorithms: [pinned],
        issuer: ISSUER,
        audience,
        clockTimestamp: nowSeconds,
        ignoreExpiration: late,
        // Checked with the other claims: its leeway must not prolong exp.
        ignoreNotBefore: true,
      }),
  };
}

/** jsonwebtoken knows no EdDSA (RFC 8037), node:crypto does. */
function edwardsSigner({ signing, verifying }: JwtKeys, type: TokenType): Signer {
  const header = segment({ alg: 'EdDSA', typ: type });
  const signature = (input: string, key: KeyObject) =>
    signBytes(null, Buffer.from(input), key).toString('base64url');
  return {
    sign(payload) {
      const input = `${header}.${segment(payload)}`;
      return `${input}.${signature(input, signing)}`;
    },
    open(token) {
      const end = token.lastIndexOf('.');
      const genuine = verifyBytes(
        null,
        Buffer.from(token.slice(0, end)),
        verifying,
        Buffer.from(token.slice(end + 1), 'base64url'),
      );
      if (!genuine) return undefined;
      return JSON.parse(Buffer.from(token.slice(header.length + 1, end), 'base64url').toString());
    },
  };
}

function segment(value: Payload): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/**
 * A signature has many spellings that decode to the same bytes: base64url leaves unused bits in its last character,
 * and decoders take `+` for `-` and skip what they do not know. Only the one that we write is ours.
 */
function canonicalSignature(length: number): (token: string) => boolean {
  // The last characters whose unused bits (4, 2 or none) are zeros.
  const last = { 2: '[AQgw]', 3: '[AEIMQUYcgkosw048]' }[length % 4] ?? '[A-Za-z0-9_-]';
  const shape = new RegExp(`^\\.[A-Za-z0-9_-]{${length - 1}}${last}$`);
  return (token) => shape.test(token.slice(-length - 1));
}

function payloadOf(claims: TokenClaims, audience: string, nowSeconds: number): Payload {
  return {
    iss: ISSUER,
    aud: audience,
    sid: claims.sid,
    ...(claims.userId === undefined ? {} : { sub: claims.userId }),
    role: claims.role,
    data: claims.data,
    ver: claims.version,
    cre: claims.createdAtMs,
    abs: claims.absoluteExpiryMs,
    iat: nowSeconds,
    nbf: nowSeconds,
    exp: claims.expirySeconds,
    ...(claims.epoch === undefined ? {} : { epo: claims.epoch }),
    ...(claims.refreshId === undefined ? {} : { rid: claims.refreshId }),
  };
}

/** Every claim is demanded and checked, whatever the library checked before. */
function claimsOf(
  payload: unknown,
  type: TokenType,
  audience: string,
  nowMs: number,
  late: boolean,
): TokenClaims | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined;
  const { iss, aud, sid, sub, role, data, ver, cre, abs, nbf, exp, epo, rid } = payload as Payload;
  if (iss !== ISSUER || aud !== audience || !isSid(sid)) return undefined;
  if (!isCount(nbf) || !isCount(exp) || !isCount(abs) || !isCount(cre) || !isCount(ver)) return undefined;
  if ((nowMs >= exp * 1000 && !late) || nowMs >= abs || nowMs < (nbf - NOT_BEFORE_LEEWAY_SECONDS) * 1000)
    return undefined;
  if (typeof data !== 'string' || (role !== 'user' && role !== 'admin')) return undefined;
  if ((sub !== undefined && typeof sub !== 'string') || (epo !== undefined && typeof epo !== 'string'))
    return undefined;
  if (type === 'refresh+jwt' ? !isSid(rid) : rid !== undefined) return undefined;
  return {
    sid,
    ...(sub === undefined ? {} : { userId: sub }),
    role,
    data,
    version: ver,
    createdAtMs: cre,
    absoluteExpiryMs: abs,
    expirySeconds: exp,
    ...(epo === undefined ? {} : { epoch: epo }),
    ...(isSid(rid) ? { refreshId: rid } : {}),
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
