import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type Forgery, type JwtParts, signedByKey, signedBySecret } from './forge.ts';
import { selfSigned } from './self-signed.ts';

/** Tokens whose header names the key to verify them with: the forger's own, with a matching signature. */

/** The keys of a forger, in every form in which a header may contain or reference them. */
export interface ForgerKeys {
  rsa: KeyObject;
  ec: KeyObject;
  secret: string;
  /** Self-signed, base64 of DER, as in `x5c`. */
  certificate: string;
  /** All three as a JSON Web Key Set. */
  keySet: string;
}

const KEY_ID = 'forged';

/** Fresh keys, for one check. */
export function forgerKeys(): ForgerKeys {
  const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { privateKey: ec } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const secret = 'a secret that the forger chose, long enough for any rule';
  const keys = [jwkOf(rsa), jwkOf(ec), jwkOf(secret)];
  return {
    rsa,
    ec,
    secret,
    certificate: selfSigned(rsa).toString('base64'),
    keySet: JSON.stringify({ keys }),
  };
}

function jwkOf(key: KeyObject | string): Readonly<Record<string, unknown>> {
  if (typeof key === 'string')
    return { kty: 'oct', k: Buffer.from(key).toString('base64url'), kid: KEY_ID, alg: 'HS256' };
  return { ...createPublicKey(key).export({ format: 'jwk' }), kid: KEY_ID, alg: algorithmOf(key) };
}

const algorithmOf = (key: KeyObject | string) =>
  typeof key === 'string' ? 'HS256' : key.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256';

/**
 * Tokens with the genuine claims under a key of the forger that the header contains (`jwk`, `x5c`), references (`jku`,
 * `x5u`) or names (`kid`), and with an unknown `crit` (RFC 7515 §4.1, RFC 8725 §3.10).
 * @param listener the forger's key server.
 */
export function injected({ header, payload }: JwtParts, keys: ForgerKeys, listener: string): Forgery[] {
  const signed = (how: string, key: KeyObject | string, extra: Readonly<Record<string, unknown>>) => {
    const forged = { ...header, alg: algorithmOf(key), ...extra };
    const token =
      typeof key === 'string' ? signedBySecret(forged, payload, key) : signedByKey(forged, payload, key);
    return { how: `${how}, ${forged.alg}`, token };
  };
  const { rsa, ec, secret, certificate } = keys;
  const jku = `${listener}/jku.json`;
  const byHeader = [rsa, ec, secret].flatMap((key) => [
    signed('jwk', key, { jwk: jwkOf(key) }),
    signed('jwk and kid', key, { jwk: jwkOf(key), kid: KEY_ID }),
    signed('jku', key, { jku, kid: KEY_ID }),
    signed('jku behind a name of trust', key, { jku: jku.replace('://', '://localhost@'), kid: KEY_ID }),
    signed('x5u', key, { x5u: `${listener}/x5u.pem` }),
    signed('kid as URL', key, { kid: jku }),
    signed('unknown crit', key, { crit: ['exp-of-nobody'], 'exp-of-nobody': true }),
    signed('crit b64', key, { crit: ['b64'], b64: true }),
    signed('own key alone', key, {}),
  ]);
  return [
    ...byHeader,
    signed('x5c', rsa, { x5c: [certificate] }),
    signed('x5c and x5t', rsa, { x5c: [certificate], x5t: KEY_ID, 'x5t#S256': KEY_ID }),
    ...KEY_IDS.map(({ kid, secret: found }) => signed('kid', found, { kid })),
  ];
}

/** Names of keys, each with the secret that a careless look-up would find under it. */
const KEY_IDS: readonly { kid: unknown; secret: string }[] = [
  { kid: '/dev/null', secret: '' },
  { kid: '../../../../../../dev/null', secret: '' },
  { kid: '../../../../../../dev/null', secret: '\0' },
  { kid: '../../../../../../proc/sys/kernel/randomize_va_space', secret: '2\n' },
  { kid: 'file:///dev/null', secret: '' },
  { kid: "x' UNION SELECT 'forged' -- ", secret: 'forged' },
  { kid: "x'; SELECT 'forged'; -- ", secret: 'forged' },
  { kid: '*', secret: '' },
  { kid: '', secret: '' },
  { kid: null, secret: '' },
  { kid: '__proto__', secret: '[object Object]' },
  { kid: 'constructor', secret: 'function Object() { [native code] }' },
  { kid: ['forged'], secret: 'forged' },
  { kid: { toString: 'forged' }, secret: 'forged' },
  { kid: '$(echo forged)', secret: 'forged' },
  { kid: 'a\0b', secret: '' },
];
