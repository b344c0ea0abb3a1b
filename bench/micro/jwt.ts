import { createSecretKey, generateKeyPairSync, type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { importPKCS8, importSPKI, type JWTPayload } from 'jose';
import { baselines } from './baselines.ts';
import {
  AUDIENCE,
  bareArm,
  cachedFastJwtArm,
  fastJwtArm,
  ISSUER,
  type JwtAlgorithm,
  type JwtArm,
  joseArm,
  jsonwebtokenArm,
  type KeyPair,
} from './jwt-libraries.ts';
import type { Measurement, Operation } from './measure.ts';

/** Session data in each token. */
const DATA_BYTES = 256;
/** Distinct tokens that the verifiers cycle through, so that none is fast because it was just seen. */
const TOKENS = 256;
const LIFE_SECONDS = 86_400;

/**
 * Signing and verifying, by algorithm, library and form of key. Keys are generated here and never leave the process.
 */
export async function jwtOperations(): Promise<Operation[]> {
  const arms = [...(await secretArms()), ...(await pairArms())];
  const operations: Operation[] = [...baselines('sync', 'async')];
  for (const arm of arms) {
    const { sign, kind } = arm;
    if (sign === undefined) continue;
    let next = 0;
    const claims = manyClaims();
    const run = () => sign(claims[next++ % TOKENS] as JWTPayload);
    operations.push({ name: operationName('sign', arm), kind, run });
  }
  const tokens = await tokensByAlgorithm(arms);
  for (const arm of arms) {
    const { verify, kind } = arm;
    let next = 0;
    const own = tokens.get(arm.algorithm) ?? [];
    const run = () => verify(own[next++ % TOKENS] as string);
    operations.push({ name: operationName('verify', arm), kind, run });
  }
  return operations;
}

/** The same tokens for all arms of an algorithm, so that they verify the same. */
async function tokensByAlgorithm(arms: readonly JwtArm[]): Promise<Map<JwtAlgorithm, string[]>> {
  const tokens = new Map<JwtAlgorithm, string[]>();
  for (const { algorithm, sign } of arms) {
    if (tokens.has(algorithm) || sign === undefined) continue;
    tokens.set(algorithm, (await Promise.all(manyClaims().map(sign))) as string[]);
  }
  return tokens;
}

async function secretArms(): Promise<JwtArm[]> {
  // Text, so that every form of it is the same key.
  const secret = randomBytes(32).toString('base64url');
  const [text, bytes] = [both(secret), both(Buffer.from(secret))];
  const key = both(createSecretKey(bytes.signing));
  return [
    bareArm('HS256', key),
    jsonwebtokenArm('HS256', 'string', text),
    jsonwebtokenArm('HS256', 'Buffer', bytes),
    jsonwebtokenArm('HS256', 'KeyObject', key),
    fastJwtArm('HS256', 'string', text),
    fastJwtArm('HS256', 'Buffer', bytes),
    cachedFastJwtArm('HS256', secret, TOKENS),
    joseArm('HS256', 'Buffer', bytes),
    joseArm('HS256', 'KeyObject', key),
    joseArm('HS256', 'CryptoKey', both(await cryptoKeyOf(bytes.signing))),
  ];
}

const both = <T>(key: T): KeyPair<T> => ({ signing: key, verifying: key });

function cryptoKeyOf(secret: Buffer): Promise<webcrypto.CryptoKey> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  return webcrypto.subtle.importKey('raw', secret, algorithm, false, ['sign', 'verify']);
}

async function pairArms(): Promise<JwtArm[]> {
  const arms: JwtArm[] = [];
  for (const algorithm of ['RS256', 'ES256', 'EdDSA'] as const) {
    const keys = newKeyPair(algorithm);
    const pem = {
      signing: keys.signing.export({ type: 'pkcs8', format: 'pem' }) as string,
      verifying: keys.verifying.export({ type: 'spki', format: 'pem' }) as string,
    };
    const cryptoKeys: KeyPair<webcrypto.CryptoKey> = {
      signing: await importPKCS8(pem.signing, algorithm),
      verifying: await importSPKI(pem.verifying, algorithm),
    };
    arms.push(bareArm(algorithm, keys));
    if (algorithm !== 'EdDSA') {
      arms.push(jsonwebtokenArm(algorithm, 'PEM string', pem));
      arms.push(jsonwebtokenArm(algorithm, 'KeyObject', keys));
    }
    arms.push(fastJwtArm(algorithm, 'PEM string', pem));
    arms.push(joseArm(algorithm, 'KeyObject', keys), joseArm(algorithm, 'CryptoKey', cryptoKeys));
  }
  return arms;
}

function newKeyPair(algorithm: Exclude<JwtAlgorithm, 'HS256'>): KeyPair<KeyObject> {
  const made = {
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
    EdDSA: () => generateKeyPairSync('ed25519'),
  }[algorithm]();
  return { signing: made.privateKey, verifying: made.publicKey };
}

function manyClaims(): JWTPayload[] {
  const expirySeconds = Math.floor(Date.now() / 1000) + LIFE_SECONDS;
  return Array.from({ length: TOKENS }, (_, index) => ({
    iss: ISSUER,
    aud: AUDIENCE,
    sub: `u${String(index).padStart(7, '0')}`,
    sid: randomBytes(16).toString('base64url'),
    role: 'user',
    data: 'd'.repeat(DATA_BYTES),
    exp: expirySeconds,
  }));
}

function operationName(
  action: 'sign' | 'verify',
  arm: Pick<JwtArm, 'algorithm' | 'library' | 'keyForm'>,
): string {
  return `${action} ${arm.algorithm}: ${arm.library}, ${arm.keyForm}`;
}

/** The cost of a string secret in jsonwebtoken on this machine; empty when one of the two rows is missing. */
export function secretFinding(measurements: readonly Measurement[]): string[] {
  const medianWith = (keyForm: string) => {
    const name = operationName('verify', { algorithm: 'HS256', library: 'jsonwebtoken', keyForm });
    return measurements.find((one) => one.name === name)?.medianUs;
  };
  const [text, key] = [medianWith('string'), medianWith('KeyObject')];
  if (text === undefined || key === undefined) return [];
  const times = (text / key).toFixed(1);
  return [
    `A string secret makes jsonwebtoken verify HS256 ${times} times slower than createSecretKey (medians): on each call it first tries to parse a string or Buffer as a PEM key.`,
  ];
}
