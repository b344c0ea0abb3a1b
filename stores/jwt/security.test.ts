import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../open.ts';
import type { OpenContext, SessionStore } from '../store.ts';
import { contextFor } from '../suite/context.ts';
import { jwt } from './backend.ts';
import { privateKeyFor, respelled, SIGNERS, swappedEcdsa } from './fixture.ts';
import { JWT_ALGORITHMS, type JwtAlgorithm, jwtKeys } from './keys.ts';

type Json = Record<string, unknown>;
const START_MS = 1_800_000_000_000;
const TYPE = 'session+jwt';

const segment = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const parse = (part: string | undefined) =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Json;

/** Signs anything, with any header: what an attacker with a key could, independently of the code under test. */
function forge(header: unknown, payload: string, algorithm: JwtAlgorithm, key: KeyObject | Buffer): string {
  const input = `${segment(header)}.${payload}`;
  const bytes = Buffer.from(input);
  const signatures: Record<JwtAlgorithm, () => Buffer> = {
    HS256: () => createHmac('sha256', key).update(bytes).digest(),
    RS256: () => sign('sha256', bytes, key as KeyObject),
    ES256: () => sign('sha256', bytes, { key: key as KeyObject, dsaEncoding: 'ieee-p1363' }),
    EdDSA: () => sign(null, bytes, key as KeyObject),
  };
  return `${input}.${signatures[algorithm]().toString('base64url')}`;
}

describe.each(SIGNERS)('attacks on tokens of %o', ({ alg, lib, cache }) => {
  const pem = privateKeyFor(alg);
  const secret = randomBytes(32);
  let clockMs = START_MS;
  const context = (changes: Partial<OpenContext> = {}): OpenContext =>
    contextFor(jwt, {
      options: { alg, lib, cache },
      namespace: 'security',
      secret,
      ...(pem === undefined ? {} : { privateKeyPem: pem }),
      now: () => clockMs,
      ...changes,
    });
  const genuineKey = jwtKeys(context()).signing;
  const headerOf = (more: Json = {}) => ({ alg, typ: TYPE, ...more });
  let store: SessionStore;
  let token = '';
  let claims: Json = {};
  let parts: string[] = [];

  beforeAll(async () => {
    store = await openStore(jwt, context());
    const result = await store.create({ userId: 'alice', role: 'user', data: 'd' });
    if (result.status !== 'created') throw new Error('expected a token');
    token = result.token;
    parts = token.split('.');
    claims = parse(parts[1]);
  });
  afterAll(() => store.close());

  const genuine = (payload: unknown, header: Json = headerOf()) =>
    forge(header, segment(payload), alg, genuineKey);
  const refuse = async (attack: string, why: string) => {
    expect(await store.read(attack), why).toBeUndefined();
    expect(await store.rotate(attack, {}), why).toBeUndefined();
    expect((await store.update(attack, 'x')).status, why).toBe('gone');
    expect(await store.touch(attack), why).toBeUndefined();
  };

  test('control: what we forge with the genuine key and claims is accepted, as is the token itself', async () => {
    expect(await store.read(token)).toMatchObject({ userId: 'alice', role: 'user' });
    expect(await store.read(genuine(claims))).toMatchObject({ userId: 'alice' });
    expect(Object.keys(claims).sort()).toEqual([
      'abs',
      'aud',
      'cre',
      'data',
      'exp',
      'iat',
      'iss',
      'nbf',
      'role',
      'sid',
      'sub',
      'ver',
    ]); // prettier-ignore
  });

  test('no algorithm', async () => {
    for (const none of ['none', 'None', 'NONE', 'nOnE', '', null, undefined])
      for (const signature of ['', parts[2], 'AA'])
        await refuse(`${segment(headerOf({ alg: none }))}.${parts[1]}.${signature}`, `alg ${none}`);
    await refuse(`${parts[0]}.${parts[1]}.`, 'no signature');
    await refuse(`${parts[0]}.${parts[1]}`, 'two parts');
  });

  test('another algorithm: our public key as an HMAC secret, or a key of the attacker', async () => {
    const secrets: Buffer[] = [Buffer.alloc(0), Buffer.from('secret')];
    if (alg !== 'HS256') {
      const open = createPublicKey(genuineKey);
      for (const type of ['spki', ...(alg === 'RS256' ? ['pkcs1'] : [])] as ('spki' | 'pkcs1')[]) {
        const text = open.export({ type, format: 'pem' }).toString();
        secrets.push(Buffer.from(text), Buffer.from(text.trim()));
        secrets.push(open.export({ type, format: 'der' }));
      }
      secrets.push(Buffer.from(open.export({ format: 'jwk' }).x ?? ''));
    }
    for (const key of secrets)
      for (const header of [{ alg: 'HS256', typ: TYPE }, headerOf()])
        await refuse(forge(header, parts[1] ?? '', 'HS256', key), `HMAC with ${key.length} bytes`);
    for (const other of JWT_ALGORITHMS) {
      const otherPem = privateKeyFor(other);
      const key = otherPem === undefined ? randomBytes(32) : createPrivateKey(otherPem);
      await refuse(forge({ alg: other, typ: TYPE }, parts[1] ?? '', other, key), `stranger's ${other}`);
    }
  });

  test('a header that brings or names its own key', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = publicKey.export({ format: 'jwk' });
    const injections: Json[] = [
      { jwk },
      { jku: 'https://attacker.test/keys.json' },
      { x5u: 'https://attacker.test/cert.pem' },
      { x5c: [publicKey.export({ type: 'spki', format: 'der' }).toString('base64')] },
      { kid: '../../../../dev/null' },
      { kid: "' union select 'secret' --" },
      { crit: ['exp'] },
      { b64: false },
    ];
    for (const injection of injections) {
      const strangers = { alg: 'ES256', typ: TYPE, ...injection };
      await refuse(forge(strangers, parts[1] ?? '', 'ES256', privateKey), JSON.stringify(injection));
      await refuse(forge(headerOf(injection), parts[1] ?? '', 'HS256', Buffer.alloc(0)), 'empty key');
      // Even under our own signature: we write no such header.
      await refuse(genuine(claims, headerOf(injection)), `genuine with ${JSON.stringify(injection)}`);
    }
  });

  test('another type of token under the same key', async () => {
    for (const typ of ['JWT', 'at+jwt', 'session+JWT', '', undefined, 7])
      await refuse(genuine(claims, { alg, typ }), `typ ${typ}`);
  });

  test('claims changed without the key', async () => {
    for (const change of [{ role: 'admin' }, { sub: 'bob' }, { exp: 9e9 }, { abs: 9e15 }, { data: 'e' }])
      await refuse(`${parts[0]}.${segment({ ...claims, ...change })}.${parts[2]}`, JSON.stringify(change));
    const other = await store.create({ userId: 'bob', role: 'admin', data: 'd' });
    const foreign = other.status === 'created' ? other.token.split('.') : [];
    await refuse(`${parts[0]}.${parts[1]}.${foreign[2]}`, 'signature of another token');
  });

  test('claims that are missing, of another type, or out of time, under a genuine signature', async () => {
    const nowSeconds = START_MS / 1000;
    const wrong: Record<string, unknown[]> = {
      iss: ['other', ['session-bench'], null],
      aud: ['other', ['security'], ['security', 'other'], null],
      sid: ['', 'x', 7, 'x'.repeat(23), `${'x'.repeat(21)}*`, null],
      role: ['root', ['admin'], '', null],
      data: [7, {}, null],
      ver: ['1', 1.5, -1, null],
      cre: ['0', null],
      abs: [START_MS, START_MS - 1, '9999999999999', null],
      exp: [nowSeconds, nowSeconds - 1, String(nowSeconds + 60), null],
      nbf: [nowSeconds + 60, String(nowSeconds), null],
      iat: [nowSeconds + 60, String(nowSeconds), null],
    };
    for (const [claim, values] of Object.entries(wrong)) {
      for (const value of values)
        await refuse(genuine({ ...claims, [claim]: value }), `${claim} = ${JSON.stringify(value)}`);
      const { [claim]: _, ...without } = claims;
      await refuse(genuine(without), `without ${claim}`);
    }
    for (const sub of [7, null, {}, ['alice']])
      await refuse(genuine({ ...claims, sub }), `sub = ${JSON.stringify(sub)}`);
    for (const payload of [null, [], 'text', 7])
      await refuse(genuine(payload), `payload ${JSON.stringify(payload)}`);
    const endless = JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e400');
    for (const raw of ['', '{', '\0', '{"sid":', endless])
      await refuse(forge(headerOf(), Buffer.from(raw).toString('base64url'), alg, genuineKey), `raw ${raw}`);
  });

  test('a signature of which any bit is flipped', async () => {
    const signature = Buffer.from(parts[2] ?? '', 'base64url');
    for (let bit = 0; bit < signature.length * 8; bit += 5) {
      const flipped = Buffer.from(signature);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const attack = `${parts[0]}.${parts[1]}.${flipped.toString('base64url')}`;
      expect(await store.read(attack), `bit ${bit}`).toBeUndefined();
    }
    await refuse(`${parts[0]}.${parts[1]}.${Buffer.alloc(signature.length).toString('base64url')}`, 'zeros');
    await refuse(`${parts[0]}.${parts[1]}.${signature.subarray(1).toString('base64url')}`, 'shorter');
  });

  test('another spelling of the same signature', async () => {
    const spellings = respelled(token);
    expect(spellings.length).toBeGreaterThanOrEqual(3);
    for (const spelling of spellings) {
      // The attack is real: to a decoder these are the same bytes.
      expect(Buffer.from(spelling.split('.')[2] ?? '', 'base64url')).toEqual(
        Buffer.from(parts[2] ?? '', 'base64url'),
      );
      await refuse(spelling, spelling.slice(-4));
    }
    for (const tail of ['=', '==', ' ', '\n', '\0', '.', '%3D'])
      await refuse(token + tail, JSON.stringify(tail));
    const standard = (parts[2] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    if (standard !== parts[2]) await refuse(`${parts[0]}.${parts[1]}.${standard}`, 'standard base64');
  });

  if (alg === 'ES256') {
    test('ES256 has a second valid signature: it names the same login, no other', async () => {
      const twin = swappedEcdsa(token);
      expect(twin).not.toBe(token);
      // Not refused, for verifiers may not: which is why nothing here is ever keyed by a token's text.
      expect((await store.read(twin))?.handle).toBe((await store.read(token))?.handle);
    });

    test('longer than the transport carries, though genuine', async () => {
      await refuse(genuine({ ...claims, data: 'x'.repeat(4000) }), 'oversized');
      expect(await store.create({ role: 'user', data: 'x'.repeat(4000) })).toEqual({ status: 'too-large' });
    });
  }

  test('a token of another arm, or of another secret or key', async () => {
    const otherPem = privateKeyFor(alg);
    const strangers = [
      context({ namespace: 'other' }),
      context({ secret: randomBytes(32), ...(otherPem === undefined ? {} : { privateKeyPem: otherPem }) }),
    ];
    for (const stranger of strangers) {
      const elsewhere = await openStore(jwt, stranger);
      const result = await elsewhere.create({ userId: 'alice', role: 'admin', data: 'd' });
      await refuse(result.status === 'created' ? result.token : '', stranger.namespace);
    }
  });

  test('the time of the token, to the second; the absolute expiry, whatever exp says', async () => {
    const lasting = genuine({ ...claims, exp: 9e9, abs: START_MS + 5_500 });
    clockMs = START_MS + 5_499;
    expect(await store.read(lasting)).toBeDefined();
    clockMs = START_MS + 5_500;
    await refuse(lasting, 'absolute expiry');
    const early = genuine({ ...claims, nbf: START_MS / 1000 + 11 });
    await refuse(early, 'not yet');
    clockMs = START_MS + 6_000;
    expect(await store.read(early), 'within the leeway of clocks').toBeDefined();
    clockMs = Number(claims['exp']) * 1000 - 1;
    expect(await store.read(token)).toBeDefined();
    clockMs += 1;
    await refuse(token, 'idle expiry');
    clockMs = START_MS;
  });

  test('a token holds neither the secret nor the private key, in any spelling', () => {
    const text = [...parts, ...parts.map((part) => Buffer.from(part, 'base64url').toString('latin1'))].join();
    for (const spelling of ['base64', 'base64url', 'hex', 'latin1'] as const)
      expect(text.includes(secret.toString(spelling))).toBe(false);
    expect(pem !== undefined && text.includes(pem.split('\n')[1] ?? '')).toBe(false);
  });
});
