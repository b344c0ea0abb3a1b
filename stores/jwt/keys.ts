import { createPrivateKey, createPublicKey, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { OpenContext } from '../store.ts';

/** The signature algorithms; the first is the default. */
export const JWT_ALGORITHMS = ['HS256', 'RS256', 'ES256', 'EdDSA'] as const;
export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];

/** Always KeyObjects: jsonwebtoken tries to parse a string or Buffer as a PEM key on each call (30 times slower). */
export interface JwtKeys {
  algorithm: JwtAlgorithm;
  signing: KeyObject;
  verifying: KeyObject;
}

const MIN_SECRET_BYTES = 32;
const MIN_RSA_BITS = 2048;
const DERIVED_KEY_BYTES = 32;

/**
 * The keys of a backend, the same on every server of a run: for HS256 derived from the secret (RFC 5869, so that no
 * other use of the secret shares this key), else the private key of the run and its public half.
 *
 * @throws Error when the key material is missing or does not fit the algorithm; it never contains the material.
 */
export function jwtKeys(context: Pick<OpenContext, 'options' | 'secret' | 'privateKeyPem'>): JwtKeys {
  const algorithm = algorithmOf(context.options['alg']);
  if (algorithm === 'HS256') {
    if (context.secret.length < MIN_SECRET_BYTES)
      throw keyError(
        algorithm,
        `a secret of ${MIN_SECRET_BYTES} bytes or more`,
        `${context.secret.length} bytes`,
      );
    const derived = hkdfSync('sha256', context.secret, '', 'session-bench jwt HS256', DERIVED_KEY_BYTES);
    const key = createSecretKey(new Uint8Array(derived));
    return { algorithm, signing: key, verifying: key };
  }
  const signing = privateKey(algorithm, context.privateKeyPem);
  const got = describeKey(signing);
  const fits = {
    RS256: signing.asymmetricKeyType === 'rsa' && rsaBits(signing) >= MIN_RSA_BITS,
    ES256: signing.asymmetricKeyType === 'ec' && signing.asymmetricKeyDetails?.namedCurve === 'prime256v1',
    EdDSA: signing.asymmetricKeyType === 'ed25519',
  };
  const expected = { RS256: 'rsa of 2048 bits or more', ES256: 'ec on prime256v1', EdDSA: 'ed25519' };
  if (!fits[algorithm]) throw keyError(algorithm, `a private key ${expected[algorithm]}`, got);
  return { algorithm, signing, verifying: createPublicKey(signing) };
}

function algorithmOf(option: string | undefined): JwtAlgorithm {
  const found = JWT_ALGORITHMS.find((algorithm) => algorithm === (option ?? JWT_ALGORITHMS[0]));
  if (found === undefined)
    throw new Error(`alg: expected one of ${JWT_ALGORITHMS.join(', ')}, got ${option}`);
  return found;
}

function privateKey(algorithm: JwtAlgorithm, pem: string | undefined): KeyObject {
  if (pem === undefined) throw keyError(algorithm, 'a private key as PKCS #8 PEM', 'none');
  try {
    return createPrivateKey(pem);
  } catch {
    // Without the cause: OpenSSL's message may quote its input.
    throw keyError(algorithm, 'a private key as PKCS #8 PEM', 'text that is none');
  }
}

function describeKey(key: KeyObject): string {
  const details = key.asymmetricKeyDetails;
  return [key.asymmetricKeyType, details?.namedCurve, details?.modulusLength].filter(Boolean).join(' ');
}

function rsaBits(key: KeyObject): number {
  return key.asymmetricKeyDetails?.modulusLength ?? 0;
}

function keyError(algorithm: JwtAlgorithm, expected: string, got: string): Error {
  return new Error(
    `alg=${algorithm}: expected ${expected}, got ${got}. Remedy: give every server the run's key.`,
  );
}
