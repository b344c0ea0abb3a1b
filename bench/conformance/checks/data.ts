/** Checks 41, 42 and 44: session data, and the one property that no request can show. */

import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { expectStatus, logInAtHome } from '../acts.ts';
import { type Check, cannotHold, doesNotApply, judge, mustHold, notApplicable } from '../check.ts';
import { roundsOf } from './logins.ts';
import { UPDATE_CHECK } from './updates.ts';

export const DATA_CHECKS: readonly Check[] = [
  UPDATE_CHECK,
  {
    id: '42',
    title: 'The client cannot read the session data in what it is given to keep',
    source: 'OWASP JWT cheat sheet, Token Information Disclosure',
    expect: ({ traits }) =>
      traits.clientReadable
        ? cannotHold(
            'Whoever sees the cookie, in a log or a stolen profile, reads the session data: no key is needed.',
          )
        : mustHold,
    async observe(scene) {
      const rounds = roundsOf(scene);
      let given = 0;
      let readable = 0;
      for (let round = 0; round < rounds; round += 1) {
        const { browser } = await logInAtHome(scene);
        const canary = `canary-${String(scene.random()).slice(2)}-${round}`;
        expectStatus(await browser.perform('update', { data: canary }), 200, 'an update');
        // A read may renew the token: check that one too.
        for (const operation of ['read', 'rotate'] as const) {
          for (const value of browser.cookies.values()) {
            given += 1;
            if (readingsOf(value).some((reading) => reading.includes(canary))) readable += 1;
          }
          expectStatus(await browser.perform(operation), 200, `a request to ${operation}`);
        }
      }
      return judge(readable, given, 'cookies held the session data in a form that needs no key to read');
    },
  },
  {
    id: '44',
    title: 'Secrets are compared in constant time',
    source: 'ASVS 5 V11.2.4',
    expect: () => doesNotApply(REVIEWED),
    observe: () => Promise.resolve(notApplicable(REVIEWED)),
  },
];

/** Everything that can be decoded from a cookie without a key: unescaped, in parts, decoded, unpacked. */
function readingsOf(value: string): Buffer[] {
  const texts = [value, unescaped(value)].flatMap((text) => [text, ...text.split('.')]);
  const decoded = texts.flatMap((text) => [
    Buffer.from(text),
    Buffer.from(text, 'base64url'),
    Buffer.from(text, 'base64'),
    Buffer.from(text, 'hex'),
  ]);
  return decoded.flatMap((bytes) => [bytes, ...unpacked(bytes)]);
}

function unescaped(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch (error) {
    if (error instanceof URIError) return value;
    throw error;
  }
}

const MAX_BYTES = 1 << 20;

/** The unpacked bytes; empty when they are not compressed, which zlib reports by throwing. */
function unpacked(bytes: Buffer): Buffer[] {
  return [inflateSync, inflateRawSync, gunzipSync, brotliDecompressSync].flatMap((unpack) => {
    try {
      return [unpack(bytes, { maxOutputLength: MAX_BYTES })];
    } catch {
      return [];
    }
  });
}

const REVIEWED =
  'By review: passwords and CSRF tokens are compared by timingSafeEqual (servers/accounts.ts, servers/csrf.ts), session ' +
  'tokens are looked up by their SHA-256, signatures are compared by timingSafeEqual in fast-jwt and jsonwebtoken, by WebCrypto in jose.';
