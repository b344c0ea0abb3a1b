import fc from 'fast-check';
import type { StoredSession } from '../store.ts';

/** Text of any characters, half surrogates among them. */
export const anyText = fc.string({
  unit: fc.integer({ min: 0, max: 0xffff }).map((c) => String.fromCharCode(c)),
});

/** Any session; times and versions up to what a layout can hold. */
export function anySession(maxMs: number, maxVersion?: number): fc.Arbitrary<StoredSession> {
  const anyMs = fc.integer({ min: 0, max: maxMs });
  return fc.record({
    userId: fc.option(anyText, { nil: undefined }),
    role: fc.constantFrom('user', 'admin'),
    data: anyText,
    version: fc.integer({ min: 1, ...(maxVersion === undefined ? {} : { max: maxVersion }) }),
    createdAtMs: anyMs,
    touchedAtMs: anyMs,
    absoluteExpiryMs: anyMs,
  });
}
