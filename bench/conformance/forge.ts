import {
  createHmac,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { parsedJson } from '../load/json-field.ts';

/** Forged tokens: derived from a genuine one and signed with the forger's keys. Uses only node:crypto. */

/** A value that is offered as a session token. `how` describes the change, and is safe to show. */
export interface Forgery {
  how: string;
  token: string;
}

export type Claims = Readonly<Record<string, unknown>>;

/** A JSON Web Token in parts: decoded, and as written. */
export interface JwtParts {
  header: Claims;
  payload: Claims;
  headerText: string;
  payloadText: string;
  signatureText: string;
}

/** The parts of a signed token (RFC 7515 §7.1); `undefined` for any other text. */
export function jwtParts(token: string): JwtParts | undefined {
  const [headerText = '', payloadText = '', signatureText, ...more] = token.split('.');
  if (signatureText === undefined || more.length > 0) return undefined;
  const header = claimsOf(headerText);
  const payload = claimsOf(payloadText);
  if (header === undefined || payload === undefined) return undefined;
  return { header, payload, headerText, payloadText, signatureText };
}

function claimsOf(text: string): Claims | undefined {
  const value = parsedJson(Buffer.from(text, 'base64url').toString());
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : undefined;
}

/** A token such as many sites issue, signed with a random key: for sites whose ids are opaque. */
export function plausibleJwt(user: string): string {
  const now = Math.floor(Date.now() / 1000);
  const payload = { iss: 'site', aud: 'site', sub: user, role: 'user', iat: now, nbf: now, exp: now + 3600 };
  return signedBySecret({ alg: 'HS256', typ: 'JWT' }, payload, randomBytes(32));
}

/** Base64url of the JSON of a value. */
export function segment(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

const MACS: Readonly<Record<string, string>> = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' };

/** Signed by HMAC, with the hash that the header's `alg` names (HS256 for any other). */
export function signedBySecret(header: Claims, payload: Claims, secret: string | Buffer | KeyObject): string {
  const input = `${segment(header)}.${segment(payload)}`;
  const mac = createHmac(MACS[String(header['alg'])] ?? 'sha256', secret).update(input);
  return `${input}.${mac.digest('base64url')}`;
}

/** Signed as RS256, ES256 or EdDSA for a private key of RSA, P-256 or Ed25519, whatever the header says. */
export function signedByKey(header: Claims, payload: Claims, key: KeyObject): string {
  const input = `${segment(header)}.${segment(payload)}`;
  const digest = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  const signature = sign(digest, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

/** The claims of a token whose header names this algorithm and whose signature verifies; else `undefined`. */
export function verifiedClaims(token: string, algorithm: string, key: KeyObject): Claims | undefined {
  const parts = jwtParts(token);
  if (parts === undefined || parts.header['alg'] !== algorithm) return undefined;
  const { headerText, payloadText, signatureText, payload } = parts;
  const input = Buffer.from(`${headerText}.${payloadText}`);
  const signature = Buffer.from(signatureText, 'base64url');
  if (key.type === 'secret') {
    const mac = createHmac('sha256', key).update(input).digest();
    return mac.length === signature.length && timingSafeEqual(mac, signature) ? payload : undefined;
  }
  const digest = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  return verify(digest, input, { key, dsaEncoding: 'ieee-p1363' }, signature) ? payload : undefined;
}

/** The same claims with an administrator's role. */
export const raised = (payload: Claims): Claims => ({ ...payload, role: 'admin', sub: 'admin', admin: true });

const NONES = ['none', 'None', 'NONE', 'nOnE', ' none', 'none ', '', null, undefined] as const;

/** Tokens that claim to need no signature (RFC 8725 §2.1), in spellings that filters have overlooked. */
export function unsigned({ header, payload, payloadText, signatureText }: JwtParts): Forgery[] {
  const forgeries: Forgery[] = [];
  for (const alg of NONES) {
    for (const typ of [header['typ'], 'JWT']) {
      // JSON omits undefined fields: a header without any alg.
      const headerText = segment({ ...header, alg, typ });
      const name = alg === undefined ? 'no alg' : `alg ${JSON.stringify(alg)}`;
      for (const body of [payloadText, segment(raised(payload))]) {
        const input = `${headerText}.${body}`;
        forgeries.push({ how: `${name}, empty signature`, token: `${input}.` });
        forgeries.push({ how: `${name}, no third part`, token: input });
        forgeries.push({ how: `${name}, the old signature`, token: `${input}.${signatureText}` });
      }
    }
  }
  const emptyKey = signedBySecret({ ...header, alg: 'HS256' }, payload, '');
  return [...forgeries, { how: 'HS256 with an empty key', token: emptyKey }];
}

/** Every form of this public key that a careless verifier might use as an HMAC secret. */
function secretsOfPublicKey(pem: string): { name: string; secret: string | Buffer }[] {
  const key = createPublicKey(pem);
  const spki = key.export({ type: 'spki', format: 'pem' }).toString();
  const jwk = key.export({ format: 'jwk' });
  const texts = [
    { name: 'PEM', secret: pem },
    ...spellingsOfPem('SPKI PEM', spki),
    { name: 'SPKI DER', secret: key.export({ type: 'spki', format: 'der' }) },
    { name: 'JWK', secret: JSON.stringify(jwk) },
    { name: 'modulus', secret: Buffer.from(String(jwk.n ?? jwk.x), 'base64url') },
  ];
  if (key.asymmetricKeyType !== 'rsa') return texts;
  return [
    ...texts,
    ...spellingsOfPem('PKCS#1 PEM', key.export({ type: 'pkcs1', format: 'pem' }).toString()),
    { name: 'PKCS#1 DER', secret: key.export({ type: 'pkcs1', format: 'der' }) },
  ];
}

function spellingsOfPem(name: string, pem: string): { name: string; secret: string }[] {
  const bare = pem.trimEnd();
  return [
    { name: `${name} with a new line at its end`, secret: `${bare}\n` },
    { name: `${name} without one`, secret: bare },
    { name: `${name} with CRLF`, secret: `${bare}\n`.replaceAll('\n', '\r\n') },
    { name: `${name} on one line`, secret: bare.replaceAll(/-----[^-]+-----|\n/g, '') },
  ];
}

/** Tokens under HMAC with a public key as the secret (RFC 8725 §2.1): genuine to a verifier that trusts `alg`. */
export function confused({ header, payload }: JwtParts, publicKeyPem: string): Forgery[] {
  return secretsOfPublicKey(publicKeyPem).flatMap(({ name, secret }) =>
    Object.keys(MACS).map((alg) => ({
      how: `${alg} with the public key as ${name}`,
      token: signedBySecret({ ...header, alg }, payload, secret),
    })),
  );
}

/** The characters of base64url by value (RFC 4648 §5). */
export const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The text with one character changed, so that its bytes change too: in base64url, the top bit of its six. */
export function flipped(text: string, at: number): string {
  const old = text[at] ?? '';
  const digit = ALPHABET.indexOf(old);
  const other = digit >= 0 ? ALPHABET[digit ^ 32] : old === 'A' ? 'B' : 'A';
  return text.slice(0, at) + other + text.slice(at + 1);
}

const FLIPS_PER_PART = 12;

/** A genuine token changed in every way that needs no key. @param other the token of another user. */
export function tampered(token: string, other: string): Forgery[] {
  const mine = jwtParts(token);
  const theirs = jwtParts(other);
  const half = Math.floor(token.length / 2);
  const common = [
    { how: 'last character cut off', token: token.slice(0, -1) },
    { how: 'first half', token: token.slice(0, half) },
    { how: 'first character cut off', token: token.slice(1) },
    ...['A', 'AAAA', '.', '.A', '-'].map((more) => ({ how: `with ${more} appended`, token: token + more })),
    { how: 'twice', token: token + token },
    { how: 'reversed', token: [...token].reverse().join('') },
  ];
  if (mine === undefined || theirs === undefined) {
    const flips = Array.from(token, (_, at) => ({ how: 'one character changed', token: flipped(token, at) }));
    const crossed = token.slice(0, half) + other.slice(half);
    return [...common, ...flips, { how: 'halves of two users', token: crossed }];
  }
  const forgeries = [...flippedParts(mine), ...crossedParts(mine, theirs), ...rewritten(mine, theirs)];
  // A claim that the token never had cannot be removed.
  return [...common, ...forgeries.filter((forgery) => forgery.token !== token)];
}

function flippedParts({ headerText, payloadText, signatureText }: JwtParts): Forgery[] {
  const parts = [headerText, payloadText, signatureText];
  return parts.flatMap((part, index) =>
    Array.from({ length: FLIPS_PER_PART }, (_, step) => {
      const at = Math.round((step * (part.length - 1)) / (FLIPS_PER_PART - 1));
      const token = parts.with(index, flipped(part, at)).join('.');
      return { how: `${['header', 'payload', 'signature'][index]} flipped`, token };
    }),
  );
}

function crossedParts(mine: JwtParts, theirs: JwtParts): Forgery[] {
  const how = 'parts of two users';
  return [
    { how, token: `${mine.headerText}.${theirs.payloadText}.${mine.signatureText}` },
    { how, token: `${mine.headerText}.${mine.payloadText}.${theirs.signatureText}` },
    { how, token: `${mine.payloadText}.${mine.headerText}.${mine.signatureText}` },
    { how, token: `${mine.headerText}.${mine.payloadText}.${mine.payloadText}` },
  ];
}

/** Other claims, and headers with the same meaning in another spelling, under the old signature. */
function rewritten({ header, payload, headerText, payloadText, signatureText }: JwtParts, theirs: JwtParts) {
  const far = Number(payload['exp']) + 31_536_000;
  const payloads: Claims[] = [
    raised(payload),
    { ...payload, role: 'admin' },
    { ...payload, sub: theirs.payload['sub'] },
    { ...payload, exp: far },
    { ...payload, exp: undefined },
    {},
  ];
  const headers: Claims[] = [{ ...header, kid: '1' }, Object.fromEntries(Object.entries(header).reverse())];
  return [
    ...payloads.map((changed) => ({
      how: 'other claims, the old signature',
      token: `${headerText}.${segment(changed)}.${signatureText}`,
    })),
    ...headers.map((changed) => ({
      how: 'another header, the old signature',
      token: `${segment(changed)}.${payloadText}.${signatureText}`,
    })),
  ];
}
