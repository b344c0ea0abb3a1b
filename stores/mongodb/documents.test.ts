import fc from 'fast-check';
import { BSON, ObjectId } from 'mongodb';
import { expect, test } from 'vitest';
import type { Listed } from '../logins/record.ts';
import { anySession } from '../suite/any-session.ts';
import {
  casOfSession,
  type SessionDocument,
  stateOf,
  toDocument,
  toRecord,
  toSession,
  toUserDocument,
  type UserDocument,
} from './documents.ts';

/** As MongoDB returns it. */
const sent = <T>(document: object) => BSON.deserialize(BSON.serialize(document)) as T;

const MAX_MS = 8_640_000_000_000_000;
const anyMs = fc.integer({ min: 0, max: MAX_MS });

test('any session comes back as it was, also with half surrogates and NUL', () => {
  fc.assert(
    fc.property(anySession(MAX_MS), (session) => {
      expect(toSession(sent<SessionDocument>(toDocument('id', session)))).toEqual(session);
      expect(stateOf(casOfSession(session))).toEqual({
        version: session.version,
        touchedAtMs: session.touchedAtMs,
      });
    }),
  );
});

const anyListed: fc.Arbitrary<Listed> = fc.record({
  id: fc.string({ minLength: 1 }),
  createdAtMs: anyMs,
  absoluteExpiryMs: anyMs,
  state: fc.constantFrom('login', 'ending', 'coming'),
  replaces: fc.string(),
});

test('any record of a user comes back as it was', () => {
  const anyRecord = fc.record({ isDisabled: fc.boolean(), logins: fc.array(anyListed, { maxLength: 5 }) });
  fc.assert(
    fc.property(anyRecord, (record) => {
      const document = toUserDocument('account', record, new ObjectId());
      expect(toRecord(sent<UserDocument>(document))).toEqual(record);
    }),
  );
});

test('a record is due when its last login ends, and never while the account is disabled', () => {
  const login = { id: 'a', createdAtMs: 0, state: 'login', replaces: '' } as const;
  const logins = [10, 30, 20].map((absoluteExpiryMs) => ({ ...login, absoluteExpiryMs }));
  const expiryOf = (isDisabled: boolean) =>
    toUserDocument('account', { isDisabled, logins }, new ObjectId()).expiry;
  expect(expiryOf(false)).toEqual(new Date(30));
  // MongoDB removes no document without the field of the index.
  expect(expiryOf(true)).toBeUndefined();
});
