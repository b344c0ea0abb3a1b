import { type CryptoKey, importPKCS8, importSPKI, jwtVerify, SignJWT } from 'jose';
import type { JwtKeys } from './keys.ts';
import type { Signer, SignerRequest } from './library.ts';

/** Accepts any `exp` and `nbf`, in seconds. */
const ANY_TIME_SECONDS = 1e12;
/** Clocks differ. The codec checks both times again, without leeway for `exp`. */
const LEEWAY_SECONDS = 5;

/** The library of the standards' authors. WebCrypto computes on libuv's threads, so every call returns a promise. */
export async function openJose({ keys, type, issuer, audience }: SignerRequest): Promise<Signer> {
  const { signing, verifying } = await cryptoKeys(keys);
  const header = { alg: keys.algorithm, typ: type };
  const expected = { algorithms: [keys.algorithm], issuer, audience };
  return {
    sign: (payload) => new SignJWT(payload).setProtectedHeader(header).sign(signing),
    async open(token, nowSeconds, late) {
      const { payload } = await jwtVerify(token, verifying, {
        ...expected,
        currentDate: new Date(nowSeconds * 1000),
        clockTolerance: late ? ANY_TIME_SECONDS : LEEWAY_SECONDS,
      });
      return payload;
    },
  };
}

/** Imported once: jose converts any other form of key on each call, or keeps a table of them. */
async function cryptoKeys({
  algorithm,
  signing,
  verifying,
}: JwtKeys): Promise<{ signing: CryptoKey; verifying: CryptoKey }> {
  if (algorithm === 'HS256') {
    const key = await crypto.subtle.importKey(
      'raw',
      new Uint8Array(signing.export()),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign', 'verify'],
    );
    return { signing: key, verifying: key };
  }
  const pem = signing.export({ type: 'pkcs8', format: 'pem' }).toString();
  const publicPem = verifying.export({ type: 'spki', format: 'pem' }).toString();
  return { signing: await importPKCS8(pem, algorithm), verifying: await importSPKI(publicPem, algorithm) };
}
