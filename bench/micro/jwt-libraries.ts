import { createHmac, type KeyObject, sign, timingSafeEqual, verify } from 'node:crypto';
import { createSigner, createVerifier } from 'fast-jwt';
import { type JWTPayload, jwtVerify, type KeyInput, SignJWT } from 'jose';
import jsonwebtoken from 'jsonwebtoken';

export type JwtAlgorithm = 'HS256' | 'RS256' | 'ES256' | 'EdDSA';

/** A way to sign and verify: one library, one algorithm, one form of key. */
export interface JwtArm {
  library: string;
  algorithm: JwtAlgorithm;
  keyForm: string;
  kind: 'sync' | 'async';
  /** Absent where only verification differs. */
  sign?: (claims: JWTPayload) => unknown;
  /** Checks signature, algorithm, issuer, audience and expiry. @throws what the library throws for an invalid token. */
  verify: (token: string) => unknown;
}

/** The halves of a key; for HS256 they are the same secret. */
export interface KeyPair<T> {
  signing: T;
  verifying: T;
}

export const ISSUER = 'session-bench';
export const AUDIENCE = 'micro';

/** jsonwebtoken, which prepares the key on each call. */
export function jsonwebtokenArm(
  algorithm: Exclude<JwtAlgorithm, 'EdDSA'>,
  keyForm: string,
  { signing, verifying }: KeyPair<string | Buffer | KeyObject>,
): JwtArm {
  const options = { algorithms: [algorithm], issuer: ISSUER, audience: AUDIENCE };
  return {
    library: 'jsonwebtoken',
    algorithm,
    keyForm,
    kind: 'sync',
    sign: (claims) => jsonwebtoken.sign(claims, signing, { algorithm }),
    verify: (token) => jsonwebtoken.verify(token, verifying, options),
  };
}

/** fast-jwt, which prepares the key (string or Buffer, not KeyObject) once. */
export function fastJwtArm(
  algorithm: JwtAlgorithm,
  keyForm: string,
  { signing, verifying }: KeyPair<string | Buffer>,
): JwtArm {
  return {
    library: 'fast-jwt',
    algorithm,
    keyForm,
    kind: 'sync',
    sign: createSigner({ key: signing, algorithm }),
    verify: fastVerifier(algorithm, verifying, false),
  };
}

/** fast-jwt with its cache of verified tokens, large enough that every token but the first time is a hit. */
export function cachedFastJwtArm(algorithm: JwtAlgorithm, key: string, tokens: number): JwtArm {
  const verify = fastVerifier(algorithm, key, tokens * 2);
  return { library: 'fast-jwt CACHE, all hits', algorithm, keyForm: 'string', kind: 'sync', verify };
}

function fastVerifier(algorithm: JwtAlgorithm, key: string | Buffer, cache: number | false) {
  return createVerifier({
    key,
    algorithms: [algorithm],
    allowedIss: ISSUER,
    allowedAud: AUDIENCE,
    cache,
  });
}

/** jose, which is always asynchronous: WebCrypto works on libuv's threads. */
export function joseArm(
  algorithm: JwtAlgorithm,
  keyForm: string,
  { signing, verifying }: KeyPair<KeyInput>,
): JwtArm {
  const options = { algorithms: [algorithm], issuer: ISSUER, audience: AUDIENCE };
  return {
    library: 'jose',
    algorithm,
    keyForm,
    kind: 'async',
    sign: (claims) =>
      new SignJWT(claims).setProtectedHeader({ alg: algorithm, typ: 'JWT' }).setIssuedAt().sign(signing),
    verify: (token) => jwtVerify(token, verifying, options),
  };
}

/** No library: the cost of HMAC or signature, base64url and JSON alone. The floor of the table. */
export function bareArm(algorithm: JwtAlgorithm, { signing, verifying }: KeyPair<KeyObject>): JwtArm {
  const header = segment({ alg: algorithm, typ: 'JWT' });
  const seal = (input: string) =>
    algorithm === 'HS256'
      ? createHmac('sha256', signing).update(input).digest()
      : sign(digestOf(algorithm), Buffer.from(input), withEncoding(signing));
  const isGenuine = (input: string, signature: Buffer) => {
    if (algorithm !== 'HS256')
      return verify(digestOf(algorithm), Buffer.from(input), withEncoding(verifying), signature);
    const expected = seal(input);
    return signature.length === expected.length && timingSafeEqual(expected, signature);
  };
  return {
    library: 'node:crypto alone',
    algorithm,
    keyForm: 'KeyObject',
    kind: 'sync',
    sign(claims) {
      const input = `${header}.${segment({ ...claims, iat: Math.floor(Date.now() / 1000) })}`;
      return `${input}.${seal(input).toString('base64url')}`;
    },
    verify(token) {
      const end = token.lastIndexOf('.');
      if (!token.startsWith(`${header}.`)) throw new Error('another header');
      const signature = Buffer.from(token.slice(end + 1), 'base64url');
      if (!isGenuine(token.slice(0, end), signature)) throw new Error('another signature');
      const claims = JSON.parse(Buffer.from(token.slice(header.length + 1, end), 'base64url').toString());
      if (claims.iss !== ISSUER || claims.aud !== AUDIENCE) throw new Error('other claims');
      if (claims.exp <= Date.now() / 1000) throw new Error('expired');
      return claims;
    },
  };
}

/** Ed25519 hashes by itself (RFC 8032). */
const digestOf = (algorithm: JwtAlgorithm) => (algorithm === 'EdDSA' ? null : 'sha256');

/** JWS uses r and s side by side, not ASN.1 (RFC 7518 §3.4); for other keys the option has no effect. */
const withEncoding = (key: KeyObject) => ({ key, dsaEncoding: 'ieee-p1363' as const });

function segment(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
