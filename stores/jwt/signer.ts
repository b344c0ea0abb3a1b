import type { StoreOption, StoreOptions } from '../store.ts';
import type { Signer, SignerRequest } from './library.ts';

/** Values of the option `lib`. The first is the default: the fastest maintained one. */
export const LIBRARIES = ['fast-jwt', 'jsonwebtoken', 'jose'] as const;
export type JwtLibrary = (typeof LIBRARIES)[number];

/** The options of every backend that signs tokens, except the algorithm. */
export const LIBRARY_OPTIONS = {
  lib: {
    meaning:
      'the library that signs and verifies: fast-jwt and jsonwebtoken block while they compute, jose computes on ' +
      'other threads; jsonwebtoken does not support EdDSA',
    values: LIBRARIES,
    /** The library before this option existed. */
    absent: 'jsonwebtoken',
    named: true,
    compared: ['fast-jwt', 'jsonwebtoken'],
  },
  cache: {
    meaning:
      'off, or the number of verified tokens that each server caches to avoid verifying them again (lib=fast-jwt ' +
      'only; a token with a wrong signature takes a place as well); expiry and revocation are still checked on each request',
    values: ['off', '1000', '100000'],
    absent: 'off',
  },
} as const satisfies Record<string, StoreOption>;

/** Whether a backend with these options caches verified tokens. */
export const cachesTokens = ({ cache = 'off' }: StoreOptions): boolean => cache !== 'off';

/** Why these options conflict; `undefined` when they do not. */
export function libraryConflict(options: StoreOptions): { expected: string; got: string } | undefined {
  const { lib = LIBRARIES[0], alg, cache = 'off' } = options;
  if (lib === 'jsonwebtoken' && alg === 'EdDSA')
    return {
      expected: 'lib=fast-jwt or lib=jose with alg=EdDSA',
      got: 'lib=jsonwebtoken, which has no EdDSA',
    };
  if (lib !== 'fast-jwt' && cache !== 'off')
    return { expected: `lib=fast-jwt with cache=${cache}`, got: `lib=${lib}, which has no cache` };
  return undefined;
}

/** The signer of a library, which is loaded on demand. @throws Error when the options conflict. */
export async function openSigner(
  options: StoreOptions,
  request: Omit<SignerRequest, 'cacheSize'>,
): Promise<Signer> {
  const conflict = libraryConflict(options);
  if (conflict !== undefined) throw new Error(`expected ${conflict.expected}, got ${conflict.got}`);
  const { lib = LIBRARIES[0], cache = 'off' } = options;
  const complete = { ...request, cacheSize: cache === 'off' ? 0 : Number(cache) };
  switch (lib as JwtLibrary) {
    case 'fast-jwt':
      return (await import('./signer-fast-jwt.ts')).openFastJwt(complete);
    case 'jsonwebtoken':
      return (await import('./signer-jsonwebtoken.ts')).openJsonwebtoken(complete);
    case 'jose':
      return (await import('./signer-jose.ts')).openJose(complete);
    default:
      throw new Error(`lib: expected one of ${LIBRARIES.join(', ')}, got ${lib}`);
  }
}
