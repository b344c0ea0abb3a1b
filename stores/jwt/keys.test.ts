import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { openStore } from '../open.ts';
import type { OpenContext } from '../store.ts';
import { contextFor } from '../suite/context.ts';
import { jwt } from './backend.ts';
import { privateKeyFor } from './fixture.ts';

describe('keys that do not fit are refused at opening, and not quoted', () => {
  const pem = { type: 'pkcs8', format: 'pem' } as const;
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export(pem).toString();
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export(pem).toString();
  const cases: [string, Partial<OpenContext>, RegExp][] = [
    ['HS256', { secret: randomBytes(31) }, /secret of 32 bytes or more, got 31 bytes/],
    ['RS256', {}, /got none/],
    ['RS256', { privateKeyPem: weak }, /got rsa 1024/],
    ['RS256', { privateKeyPem: privateKeyFor('ES256') ?? '' }, /got ec prime256v1/],
    ['ES256', { privateKeyPem: p384 }, /got ec secp384r1/],
    ['EdDSA', { privateKeyPem: privateKeyFor('RS256') ?? '' }, /got rsa 2048/],
    ['EdDSA', { privateKeyPem: 'hunter2' }, /got text that is none/],
    ['none', {}, /expected one of HS256, RS256, ES256, EdDSA/],
  ];
  test.each(cases)('%s %#', async (alg, changes, message) => {
    const error = await openStore(jwt, contextFor(jwt, { options: { alg }, ...changes })).catch(
      (e: unknown) => e,
    );
    expect(String(error)).toMatch(message);
    expect(String(error)).not.toMatch(/BEGIN|hunter2/);
  });
});

describe('options that do not go together are refused at opening', () => {
  const cases: [Record<string, string>, string][] = [
    [{ lib: 'jsonwebtoken', alg: 'EdDSA' }, 'expected lib=fast-jwt or lib=jose with alg=EdDSA'],
    [{ lib: 'jsonwebtoken', cache: '1000' }, 'expected lib=fast-jwt with cache=1000, got lib=jsonwebtoken'],
    [{ lib: 'jose', cache: '100000' }, 'which has no cache'],
    [{ lib: 'jsonwebtokn' }, 'expected one of fast-jwt, jsonwebtoken, jose, got jsonwebtokn'],
  ];
  test.each(cases)('%o', async (options, words) => {
    const context = contextFor(jwt, { options, privateKeyPem: privateKeyFor('EdDSA') ?? '' });
    await expect(openStore(jwt, context)).rejects.toThrow(words);
  });
});
