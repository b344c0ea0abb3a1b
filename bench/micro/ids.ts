import { createHash, hash, randomBytes, randomFillSync, randomUUID, timingSafeEqual } from 'node:crypto';
import { idOfToken, newToken } from '../../stores/token.ts';
import { baselines } from './baselines.ts';
import type { Operation } from './measure.ts';

const TOKEN_BYTES = 32;
const POOL_BYTES = 8_192;

/** Creating, hashing and comparing session ids, with node:crypto only. */
export function idOperations(): Operation[] {
  const token = newToken();
  const [ours, theirs] = [Buffer.from(token), Buffer.from(token)];
  // Built at run time: equal literals would be one string, and compared by address.
  const spelledAnew = Buffer.from(token).toString();
  const pooled = createPooledToken();
  return [
    ...baselines('sync'),
    sync('make: randomBytes(32), base64url (our stores)', newToken),
    sync('make: randomBytes(32), hex', () => randomBytes(TOKEN_BYTES).toString('hex')),
    sync('make: from 8,192 random bytes, base64url', pooled),
    sync('make: randomUUID, pooled (122 random bits)', () => randomUUID()),
    sync('make: randomUUID, not pooled', () => randomUUID({ disableEntropyCache: true })),
    sync('hash: crypto.hash sha256, base64url', () => hash('sha256', token, 'base64url')),
    sync('hash: createHash sha256, base64url', () => createHash('sha256').update(token).digest('base64url')),
    sync('hash: shape checked first (our stores)', () => idOfToken(token)),
    sync('compare: timingSafeEqual of two Buffers', () => timingSafeEqual(ours, theirs)),
    sync('compare: timingSafeEqual of two strings', () =>
      timingSafeEqual(Buffer.from(token), Buffer.from(spelledAnew)),
    ),
    sync('compare: === of two strings, NOT CONSTANT-TIME', () => token === spelledAnew),
  ];
}

/** Tokens from random bytes that are drawn in bulk; used bytes are wiped. */
function createPooledToken(): () => string {
  const pool = Buffer.alloc(POOL_BYTES);
  let used = POOL_BYTES;
  return () => {
    if (used === POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const token = pool.toString('base64url', used, used + TOKEN_BYTES);
    pool.fill(0, used, used + TOKEN_BYTES);
    used += TOKEN_BYTES;
    return token;
  };
}

function sync(name: string, run: () => unknown): Operation {
  return { name, kind: 'sync', run };
}
