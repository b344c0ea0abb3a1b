import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  verify,
  X509Certificate,
} from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  confused,
  flipped,
  type JwtParts,
  jwtParts,
  plausibleJwt,
  raised,
  signedByKey,
  signedBySecret,
  tampered,
  unsigned,
} from './forge.ts';
import { forgerKeys, injected } from './forge-headers.ts';
import { cookieSpellings, ecdsaTwin, signatureSpellings } from './spellings.ts';

const HEADER = { alg: 'HS256', typ: 'session+jwt' };
const PAYLOAD = { sub: 'c1', role: 'user', exp: 2_000_000_000, data: 'ä' };
const GENUINE = signedBySecret(HEADER, PAYLOAD, 'right');
const OTHER = signedBySecret(HEADER, { ...PAYLOAD, sub: 'c2' }, 'right');

function parsed(token: string): JwtParts {
  const parts = jwtParts(token);
  if (parts === undefined) throw new Error('no JSON Web Token');
  return parts;
}

const inputOf = (token: string) => token.slice(0, token.lastIndexOf('.'));
const bytesOf = (token: string) => Buffer.from(parsed(token).signatureText, 'base64url');
const isSignedBy = (token: string, key: KeyObject) =>
  verify('sha256', Buffer.from(inputOf(token)), { key, dsaEncoding: 'ieee-p1363' }, bytesOf(token));
const isMacOf = (token: string, secret: string | Buffer, hash = 'sha256') =>
  createHmac(hash, secret).update(inputOf(token)).digest().equals(bytesOf(token));

test('a token is taken apart and put together without loss', () => {
  const { header, payload } = parsed(GENUINE);
  expect(header).toEqual(HEADER);
  expect(payload).toEqual(PAYLOAD);
  expect(isMacOf(GENUINE, 'right')).toBe(true);
});

test.each(['', 'a', 'a.b', 'a.b.c', 'a.b.c.d', 'bnVsbA.bnVsbA.', 'W10.W10.x'])(
  '%j is not a token',
  (text) => {
    expect(jwtParts(text)).toBeUndefined();
  },
);

test('a plausible token looks like those of other sites', () => {
  const { header, payload } = parsed(plausibleJwt('c1'));
  expect(header['alg']).toBe('HS256');
  expect(payload['sub']).toBe('c1');
  expect(Number(payload['exp'])).toBeGreaterThan(Date.now() / 1000);
});

test('unsigned tokens name no algorithm and carry no new signature', () => {
  const tokens = unsigned(parsed(GENUINE));
  const algs = tokens.map(({ token }) =>
    JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()),
  );
  expect(new Set(algs.map(({ alg }) => alg))).toEqual(
    new Set(['none', 'None', 'NONE', 'nOnE', ' none', 'none ', '', null, undefined, 'HS256']),
  );
  expect(algs.some((header) => !('alg' in header))).toBe(true);
  expect(new Set(tokens.map(({ token }) => token.split('.').length))).toEqual(new Set([2, 3]));
  expect(
    tokens.filter(({ how }) => how.endsWith('empty signature')).every(({ token }) => token.endsWith('.')),
  ).toBe(true);
});

test('confused tokens are signed by HMAC with a spelling of the public key', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const tokens = confused(parsed(GENUINE), pem);
  const find = (how: string) => tokens.find((forgery) => forgery.how === how)?.token ?? '';
  expect(isMacOf(find('HS256 with the public key as PEM'), pem)).toBe(true);
  expect(isMacOf(find('HS256 with the public key as SPKI PEM without one'), pem.trimEnd())).toBe(true);
  const der = publicKey.export({ type: 'pkcs1', format: 'der' });
  expect(isMacOf(find('HS512 with the public key as PKCS#1 DER'), der, 'sha512')).toBe(true);
  expect(tokens.every(({ token }) => parsed(token).payload['sub'] === 'c1')).toBe(true);
});

describe('tampered', () => {
  test('every token differs, and none is signed', () => {
    const tokens = tampered(GENUINE, OTHER).map(({ token }) => token);
    expect(tokens).not.toContain(GENUINE);
    expect(tokens).not.toContain(OTHER);
    const wellFormed = tokens.filter((token) => jwtParts(token) !== undefined);
    expect(wellFormed.length).toBeGreaterThan(20);
    expect(wellFormed.filter((token) => isMacOf(token, 'right'))).toEqual([]);
  });

  test('an opaque id is changed at every position', () => {
    const id = 'abcdefghijklmnopqrstuvwxyz012345';
    const flips = tampered(id, id.toUpperCase()).filter(({ how }) => how === 'one character changed');
    expect(flips.map(({ token }, at) => token[at] !== id[at] && token.length === id.length)).toEqual(
      Array.from(id, () => true),
    );
  });

  test('a flip changes the bytes, also in the last character', () => {
    const { signatureText } = parsed(GENUINE);
    const changed = flipped(signatureText, signatureText.length - 1);
    expect(Buffer.from(changed, 'base64url')).not.toEqual(Buffer.from(signatureText, 'base64url'));
  });

  test('raised claims are those of an administrator', () => {
    expect(raised(PAYLOAD)).toMatchObject({ role: 'admin', sub: 'admin', exp: PAYLOAD.exp });
  });
});

describe('spellings', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = createPublicKey(privateKey);
  const ecdsa = signedByKey({ ...HEADER, alg: 'ES256' }, PAYLOAD, privateKey);

  test.each([
    ['HS256', GENUINE, 3],
    ['ES256', ecdsa, 15],
  ])('%s: other letters, the same bytes', (_, token, unusedBits) => {
    const spelled = signatureSpellings(token);
    expect(spelled.filter(({ how }) => how.startsWith('unused bits'))).toHaveLength(unusedBits);
    expect(new Set(spelled.map((forgery) => forgery.token)).has(token)).toBe(false);
    for (const { how, token: other } of spelled) {
      expect(inputOf(other), how).toBe(inputOf(token));
      // Some decoders go on after the padding: what they find there comes behind the signature.
      expect(bytesOf(other).subarray(0, bytesOf(token).length), how).toEqual(bytesOf(token));
    }
  });

  test('the twin of an ES256 signature verifies, and is another', () => {
    const twin = ecdsaTwin(ecdsa)?.token ?? '';
    expect(isSignedBy(ecdsa, publicKey)).toBe(true);
    expect(isSignedBy(twin, publicKey)).toBe(true);
    expect(bytesOf(twin)).not.toEqual(bytesOf(ecdsa));
    expect(ecdsaTwin(twin)?.token).toBe(ecdsa);
  });

  test('only an ES256 token has a twin, and an opaque id has no signature', () => {
    expect(ecdsaTwin(GENUINE)).toBeUndefined();
    expect(ecdsaTwin('opaque')).toBeUndefined();
    expect(signatureSpellings('opaque')).toEqual([]);
    expect(cookieSpellings('a-b')[3]?.token).toBe('a%2Db');
  });
});

describe('injected headers', () => {
  const keys = forgerKeys();
  const tokens = injected(parsed(GENUINE), keys, 'http://127.0.0.1:1');
  const find = (how: string) => tokens.find((forgery) => forgery.how === how)?.token ?? '';

  test('the key that a header brings verifies its token', () => {
    for (const how of ['jwk, RS256', 'jwk, ES256']) {
      const token = find(how);
      const jwk = parsed(token).header['jwk'] as NonNullable<unknown>;
      expect(isSignedBy(token, createPublicKey({ key: jwk, format: 'jwk' })), how).toBe(true);
    }
    expect(isMacOf(find('jwk, HS256'), keys.secret)).toBe(true);
  });

  test('the certificate is one that node:crypto reads, signed by itself, and verifies its token', () => {
    const [certificate] = parsed(find('x5c, RS256')).header['x5c'] as string[];
    const x509 = new X509Certificate(Buffer.from(certificate ?? '', 'base64'));
    expect(x509.subject).toBe('CN=forged');
    expect(x509.verify(x509.publicKey)).toBe(true);
    expect(isSignedBy(find('x5c, RS256'), x509.publicKey)).toBe(true);
  });

  test('no private part of a key is sent, and each token fits a cookie', () => {
    for (const { how, token } of tokens) {
      expect(JSON.stringify(parsed(token).header), how).not.toMatch(/"(d|p|q|dp|dq|qi)":/);
      expect(token.length, how).toBeLessThan(4_000);
    }
    expect(Object.keys(JSON.parse(keys.keySet).keys)).toHaveLength(3);
  });

  test('every way to name a key is there', () => {
    const named = new Set(tokens.flatMap(({ token }) => Object.keys(parsed(token).header)));
    expect([...named]).toEqual(expect.arrayContaining(['jwk', 'jku', 'x5u', 'x5c', 'kid', 'crit']));
  });
});
