import type { Login, UserIndex } from '../store.ts';
import { idOfToken } from '../token.ts';
import { gets, remove } from './commands.ts';
import type { MemcachedConnection } from './connection.ts';
import type { Link } from './link.ts';
import { decodeRecord, EMPTY, type UserRecord, withState } from './record.ts';
import {
  attempts,
  changeRecord,
  liveSessions,
  NoRoomError,
  recordKey,
  removeSessions,
  type Scope,
} from './records.ts';

/** The logins of each user, by the rules of record.ts. */
export function userIndex(connection: MemcachedConnection, scope: Scope): UserIndex {
  return {
    list: (userId) => connection.run('listUser', (link) => list(link, scope, userId)),
    revoke(userId, except) {
      const kept = except === undefined ? undefined : idOfToken(except);
      return connection.run('revokeUser', (link) => revoke(link, scope, userId, kept));
    },
    destroyLogin: (userId, handle) =>
      connection.run('destroyLogin', (link) => endLogin(link, scope, userId, handle)),
    setDisabled: (userId, disabled) =>
      connection.run('setDisabled', (link) =>
        disabled ? endAll(link, scope, userId, () => true) : enable(link, scope, userId),
      ),
  };
}

/** As of one moment: the list is read again behind the sessions, and must be the same. */
async function list(link: Link, scope: Scope, userId: string): Promise<readonly Login[]> {
  const key = recordKey(scope, userId);
  let found = await gets(link, key);
  return attempts(async () => {
    if (found === undefined) return [];
    const { cas, value } = found;
    const ids = decodeRecord(value)
      .logins.filter(({ state }) => state === 'login')
      .map(({ id }) => id);
    const [live, after] = await Promise.all([liveSessions(link, scope, ids), gets(link, key)]);
    found = after;
    if (after?.cas !== cas) return undefined;
    return [...live]
      .map(([handle, { createdAtMs, absoluteExpiryMs }]) => ({ handle, createdAtMs, absoluteExpiryMs }))
      .sort((a, b) => a.createdAtMs - b.createdAtMs);
  });
}

/** Ends all logins but one, and returns how many there were. */
async function revoke(link: Link, scope: Scope, userId: string, kept: string | undefined): Promise<number> {
  try {
    return await endAll(link, scope, userId, ({ isDisabled }) => isDisabled, kept);
  } catch (error) {
    // To end sessions takes no memory, to mark them in the list does.
    if (error instanceof NoRoomError) return endWithoutMarks(link, scope, userId, kept);
    throw error;
  }
}

/** Those that are marked count, and no others: by that swap they end together. */
async function endAll(
  link: Link,
  scope: Scope,
  userId: string,
  isDisabled: (record: UserRecord) => boolean,
  kept?: string,
): Promise<number> {
  const ended = await changeRecord(link, scope, userId, async (record) => {
    const ids = record.logins
      .filter(({ id, state }) => state !== 'ending' && id !== kept)
      .map(({ id }) => id);
    const live = [...(await liveSessions(link, scope, ids)).keys()];
    const next = { isDisabled: isDisabled(record), logins: withState(record.logins, live, 'ending') };
    if (live.length === 0 && next.isDisabled === record.isDisabled) return { result: 0 };
    return { next, result: live.length };
  });
  if (ended > 0) await changeRecord(link, scope, userId, (record) => ({ next: record, result: null }));
  return ended;
}

async function endWithoutMarks(
  link: Link,
  scope: Scope,
  userId: string,
  kept: string | undefined,
): Promise<number> {
  const key = recordKey(scope, userId);
  let ended = 0;
  return attempts(async () => {
    const found = await gets(link, key);
    const { isDisabled, logins } = found === undefined ? EMPTY : decodeRecord(found.value);
    const ids = logins.map(({ id }) => id).filter((id) => id !== kept);
    const live = await liveSessions(link, scope, ids);
    await removeSessions(link, scope, ids);
    ended += live.size;
    // The list names only what has ended, or must stay: it is forgotten, or kept as it is.
    if (found === undefined || isDisabled || ids.length < logins.length) return ended;
    return (await remove(link, key, found.cas)) === 'changed' ? undefined : ended;
  });
}

/**
 * Ends one login; false when the user has no such live one, or another call has ended it.
 * @param isRead whether it has been read as a live session of this user: it is removed even if it should not be listed.
 */
export async function endLogin(
  link: Link,
  scope: Scope,
  userId: string,
  id: string,
  isRead = false,
): Promise<boolean> {
  let isSeen = isRead;
  const ending = changeRecord<boolean | null>(link, scope, userId, async ({ isDisabled, logins }) => {
    const login = logins.find((one) => one.id === id);
    if (login === undefined && isRead) return { result: null };
    if (login?.state !== 'login') return { result: false };
    // Once it is removed, here or by another call, the swap decides who has ended it.
    isSeen ||= (await liveSessions(link, scope, [id])).has(id);
    if (!isSeen) return { result: false };
    const next = { isDisabled, logins: logins.filter((one) => one.id !== id) };
    return { next, removed: [id], result: true };
  });
  try {
    return (await ending) ?? (await remove(link, scope.sessions + id)) === 'removed';
  } catch (error) {
    // It is removed all the same. The list names it until it expires there.
    if (error instanceof NoRoomError) return isSeen;
    throw error;
  }
}

function enable(link: Link, scope: Scope, userId: string): Promise<number> {
  return changeRecord(link, scope, userId, (record) =>
    record.isDisabled ? { next: { ...record, isDisabled: false }, result: 0 } : { result: 0 },
  );
}
