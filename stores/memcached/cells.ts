import { accountOf } from '../failed-logins.ts';
import type { Cell, Cells, Clock } from '../logins/cells.ts';
import { lifeOf, type UserRecord } from '../logins/record.ts';
import { lifeMs } from '../logins/records.ts';
import type { StoredSession } from '../store.ts';
import { add, get, gets, remove, swap } from './commands.ts';
import type { Link } from './link.ts';
import { decodeRecord, encodeRecord } from './record.ts';
import { decodeSession, encodeSession } from './value.ts';

/** Keys, clock and lifetime of the sessions of a store. */
export interface Scope extends Clock {
  /** Before the id of a session. */
  sessions: string;
  /** Before the account of a user. */
  users: string;
}

/** The items of a store, on the link of one operation. */
export function cellsOn(link: Link, scope: Scope): Cells {
  const keyOf = (id: string) => scope.sessions + id;
  const sessions: Cell<StoredSession> = cell(link, {
    keyOf,
    encode: encodeSession,
    decode: decodeSession,
    lifeOf: (session) => lifeMs(session, scope),
  });
  const records: Cell<UserRecord> = cell(link, {
    keyOf: (userId) => scope.users + accountOf(userId),
    encode: encodeRecord,
    decode: decodeRecord,
    lifeOf: (record) => lifeOf(record, scope.now()),
  });
  return {
    sessions,
    records,
    idleMs: scope.idleMs,
    now: scope.now,
    // All are asked for in one write.
    getSessions: (ids) =>
      Promise.all(
        ids.map(async (id) => {
          const text = await get(link, keyOf(id));
          return text === undefined ? undefined : decodeSession(text);
        }),
      ),
    removeSessions: (ids) => Promise.all(ids.map((id) => remove(link, keyOf(id)))),
    // In one write, whose order the server keeps.
    inOrder: (first, second) => Promise.all([first(), second()]),
  };
}

interface Layout<T> {
  keyOf(key: string): string;
  encode(value: T): string;
  decode(text: string): T;
  /** How long it is to be kept, in milliseconds. */
  lifeOf(value: T): number | 'ever';
}

function cell<T>(link: Link, { keyOf, encode, decode, lifeOf }: Layout<T>): Cell<T> {
  return {
    async gets(key) {
      const found = await gets(link, keyOf(key));
      return found === undefined ? undefined : { value: decode(found.value), cas: found.cas };
    },
    add: (key, value) => add(link, keyOf(key), encode(value), lifeOf(value)),
    swap: (key, value, cas) => swap(link, keyOf(key), encode(value), lifeOf(value), cas),
    remove: (key, cas) => remove(link, keyOf(key), cas),
  };
}
