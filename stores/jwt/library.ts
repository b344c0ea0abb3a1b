/** What every JWT library is put behind. */

import type { Awaitable, VerifyCacheStats } from '../store.ts';
import type { JwtKeys } from './keys.ts';

export type Payload = Record<string, unknown>;

/** What a library is asked for: tokens of one type, under one key, for one audience. */
export interface SignerRequest {
  keys: JwtKeys;
  /** Value of the header `typ`. */
  type: string;
  issuer: string;
  audience: string;
  /** Most verified tokens that a cache holds; 0 without a cache. */
  cacheSize: number;
}

/** One library behind the codec: it signs payloads and verifies signatures, with the algorithm pinned. */
export interface Signer {
  sign(payload: Payload): Awaitable<string>;
  /**
   * The payload of a token whose signature is right. Throws or rejects for any other. Issuer, audience and times may be
   * checked or not: the codec checks them all.
   * @param late whether to accept a token whose `exp` is over.
   */
  open(token: string, nowSeconds: number, late: boolean): Awaitable<unknown>;
  /** Present where verified tokens are kept in a cache. */
  cacheStats?(): VerifyCacheStats;
}
