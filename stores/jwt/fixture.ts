import { generateKeyPairSync } from 'node:crypto';
import { JWT_ALGORITHMS, type JwtAlgorithm } from './keys.ts';
import { LIBRARIES, libraryConflict } from './signer.ts';

/** Every library with every algorithm that it supports, and fast-jwt also with its cache. */
export const SIGNERS: readonly { alg: JwtAlgorithm; lib: string; cache: string }[] = [
  ...LIBRARIES.flatMap((lib) => JWT_ALGORITHMS.map((alg) => ({ alg, lib, cache: 'off' }))),
  ...JWT_ALGORITHMS.map((alg) => ({ alg, lib: 'fast-jwt', cache: '1000' })),
].filter((options) => libraryConflict(options) === undefined);

/** A fresh private key of an algorithm as PKCS #8 PEM; `undefined` for HS256. */
export function privateKeyFor(algorithm: JwtAlgorithm): string | undefined {
  const pem = { type: 'pkcs8', format: 'pem' } as const;
  switch (algorithm) {
    case 'HS256':
      return undefined;
    case 'RS256':
      return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pem).toString();
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(pem).toString();
    case 'EdDSA':
      return generateKeyPairSync('ed25519').privateKey.export(pem).toString();
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const P256_BYTES = 32;

/** The other spellings of a token's signature: the same bytes, with other unused bits in the last character. */
export function respelled(token: string): string[] {
  const signature = token.split('.')[2] ?? '';
  const unusedBits = (signature.length * 6) % 8;
  const last = ALPHABET.indexOf(signature.at(-1) ?? '');
  return Array.from({ length: 2 ** unusedBits - 1 }, (_, i) => token.slice(0, -1) + ALPHABET[last ^ (i + 1)]);
}

/** The other valid ES256 signature of the same text: (r, n - s) for (r, s). */
export function swappedEcdsa(token: string): string {
  const [header, payload, signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  const s = BigInt(`0x${bytes.subarray(P256_BYTES).toString('hex')}`);
  const swapped = Buffer.from((P256_ORDER - s).toString(16).padStart(2 * P256_BYTES, '0'), 'hex');
  const twin = Buffer.concat([bytes.subarray(0, P256_BYTES), swapped]);
  return `${header}.${payload}.${twin.toString('base64url')}`;
}
