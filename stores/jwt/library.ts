/** The common interface of the JWT libraries. */

import type { Awaitable, VerifyCacheStats } from '../store.ts';
import type { JwtKeys } from './keys.ts';

export type Payload = Record<string, unknown>;

/** What a signer is created for: tokens of one type, under one key, for one audience. */
export interface SignerRequest {
  keys: JwtKeys;
  /** Value of the header `typ`. */
  type: string;
  issuer: string;
  audience: string;
  /** Maximum of verified tokens in a cache; 0 without a cache. */
  cacheSize: number;
}

/** One library behind the codec: signs payloads and verifies signatures, with the algorithm pinned. */
export interface Signer {
  sign(payload: Payload): Awaitable<string>;
  /**
   * The payload of a token with a valid signature. Throws or rejects for any other. It may or may not check issuer,
   * audience and times: the codec checks them all.
   * @param late whether to accept a token whose `exp` has passed.
   */
  open(token: string, nowSeconds: number, late: boolean): Awaitable<unknown>;
  /** Present where verified tokens are cached. */
  cacheStats?(): VerifyCacheStats;
}
