import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Listed, lifeOf } from '../logins/record.ts';
import type { StoredSession } from '../store.ts';
import { anySession } from '../suite/any-session.ts';
import { decodeRecord, encodeRecord } from './record.ts';
import { decodeSession, encodeSession } from './value.ts';

const MAX_MS = 9_999_999_999_999;
const anyMs = fc.integer({ min: 0, max: MAX_MS });

test('any session comes back as it was, also with half surrogates, line breaks and NUL', () => {
  fc.assert(
    fc.property(anySession(MAX_MS), (session) => {
      const text = encodeSession(session);
      expect(decodeSession(text)).toEqual(session);
      // What Memcached gets is UTF-8.
      expect(Buffer.from(text).toString()).toBe(text);
    }),
  );
  for (const userId of ['', ' ', '=', 'a b', '"', '\n', 'u\u2028v', '\ud800'])
    expect(decodeSession(encodeSession({ ...SESSION, userId })).userId).toBe(userId);
});

const SESSION: StoredSession = {
  userId: 'u',
  role: 'user',
  data: '',
  version: 1,
  createdAtMs: 1,
  touchedAtMs: 2,
  absoluteExpiryMs: 3,
};

const anyId = fc.string({ unit: fc.constantFrom(...'AZaz09-_'), minLength: 43, maxLength: 43 });
const anyListed: fc.Arbitrary<Listed> = fc.record({
  id: anyId,
  createdAtMs: anyMs,
  absoluteExpiryMs: anyMs,
  state: fc.constantFrom('login', 'ending', 'coming'),
  replaces: fc.oneof(fc.constant(''), anyId),
});

test('any record of a user comes back as it was', () => {
  const anyRecord = fc.record({ isDisabled: fc.boolean(), logins: fc.array(anyListed, { maxLength: 5 }) });
  fc.assert(
    fc.property(anyRecord, (record) => {
      expect(decodeRecord(encodeRecord(record))).toEqual(record);
    }),
  );
});

test('a record is kept until its last login ends, and for ever while the account is disabled', () => {
  const login = { id: 'a', createdAtMs: 0, state: 'login', replaces: '' } as const;
  const logins = [10, 30, 20].map((absoluteExpiryMs) => ({ ...login, absoluteExpiryMs }));
  expect(lifeOf({ isDisabled: false, logins }, 5)).toBe(25);
  expect(lifeOf({ isDisabled: false, logins }, 50)).toBe(0);
  expect(lifeOf({ isDisabled: true, logins }, 5)).toBe('ever');
});
