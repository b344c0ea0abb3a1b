import { createSigner, createVerifier } from 'fast-jwt';
import type { VerifyCacheStats } from '../store.ts';
import type { JwtKeys } from './keys.ts';
import type { Payload, Signer, SignerRequest } from './library.ts';

/** The fastest maintained library. It prepares its keys once. It accepts no KeyObject, so it gets bytes or PEM. */
export function openFastJwt({ keys, type, cacheSize }: SignerRequest): Signer {
  const { algorithm } = keys;
  const { signing, verifying } = exported(keys);
  const sign = createSigner({ key: signing, algorithm, header: { alg: algorithm, typ: type } });
  const verify: (token: string) => Payload = createVerifier({
    key: verifying,
    algorithms: [algorithm],
    // The clock is injected, which this library cannot do per call. The codec checks both times on each request, also
    // for a cached token.
    ignoreExpiration: true,
    ignoreNotBefore: true,
    cache: cacheSize === 0 ? false : cacheSize,
  });
  return cacheSize === 0 ? { sign, open: verify } : { sign, ...counted(verify) };
}

/** Counts cache hits. A cached verifier returns the same object for each hit, so an object seen before is a hit. */
function counted(verify: (token: string) => Payload): Required<Pick<Signer, 'open' | 'cacheStats'>> {
  const seen = new WeakSet<Payload>();
  const distinct = new Set<string>();
  const stats: VerifyCacheStats = { hits: 0, misses: 0, distinctTokens: 0 };
  return {
    open(token) {
      const payload = verify(token);
      if (seen.has(payload)) {
        stats.hits += 1;
        return payload;
      }
      seen.add(payload);
      stats.misses += 1;
      distinct.add(token.slice(-16));
      return payload;
    },
    cacheStats: () => ({ ...stats, distinctTokens: distinct.size }),
  };
}

function exported({ algorithm, signing, verifying }: JwtKeys): {
  signing: string | Buffer;
  verifying: string | Buffer;
} {
  if (algorithm === 'HS256') return { signing: signing.export(), verifying: verifying.export() };
  return {
    signing: signing.export({ type: 'pkcs8', format: 'pem' }).toString(),
    verifying: verifying.export({ type: 'spki', format: 'pem' }).toString(),
  };
}
