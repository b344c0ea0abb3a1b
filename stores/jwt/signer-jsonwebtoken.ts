import jsonwebtoken from 'jsonwebtoken';
import type { Signer, SignerRequest } from './library.ts';

/** The most used library. It prepares the key on each call, so it gets a KeyObject (see `JwtKeys`). */
export function openJsonwebtoken({ keys, type, issuer, audience }: SignerRequest): Signer {
  const algorithm = keys.algorithm as jsonwebtoken.Algorithm;
  const signOptions: jsonwebtoken.SignOptions = { algorithm, header: { alg: algorithm, typ: type } };
  return {
    sign: (payload) => jsonwebtoken.sign(payload, keys.signing, signOptions),
    open: (token, nowSeconds, late) =>
      jsonwebtoken.verify(token, keys.verifying, {
        algorithms: [algorithm],
        issuer,
        audience,
        clockTimestamp: nowSeconds,
        ignoreExpiration: late,
        // The codec checks it: the library's leeway must not prolong exp.
        ignoreNotBefore: true,
      }),
  };
}
