import type { Login, UserIndex } from '../store.ts';
import { idOfToken } from '../token.ts';
import type { Cells, RunOnCells } from './cells.ts';
import { EMPTY, type UserRecord, withState } from './record.ts';
import { attempts, changeRecord, liveSessions, NoRoomError } from './records.ts';

/** The logins of each user, by the rules of record.ts. */
export function userIndex(run: RunOnCells): UserIndex {
  return {
    list: (userId) => run('listUser', (cells) => list(cells, userId)),
    revoke(userId, except) {
      const kept = except === undefined ? undefined : idOfToken(except);
      return run('revokeUser', (cells) => revoke(cells, userId, kept));
    },
    destroyLogin: (userId, handle) => run('destroyLogin', (cells) => endLogin(cells, userId, handle)),
    setDisabled: (userId, disabled) =>
      run('setDisabled', (cells) => (disabled ? endAll(cells, userId, () => true) : enable(cells, userId))),
  };
}

/** As of one moment: the list is read again behind the sessions, and must be the same. */
async function list(cells: Cells, userId: string): Promise<readonly Login[]> {
  let found = await cells.records.gets(userId);
  return attempts(async () => {
    if (found === undefined) return [];
    const { cas, value } = found;
    const ids = value.logins.filter(({ state }) => state === 'login').map(({ id }) => id);
    const [live, after] = await cells.inOrder(
      () => liveSessions(cells, ids),
      () => cells.records.gets(userId),
    );
    found = after;
    if (after?.cas !== cas) return undefined;
    return [...live]
      .map(([handle, { createdAtMs, absoluteExpiryMs }]) => ({ handle, createdAtMs, absoluteExpiryMs }))
      .sort((a, b) => a.createdAtMs - b.createdAtMs);
  });
}

/** Ends all logins but one, and returns how many there were. */
async function revoke(cells: Cells, userId: string, kept: string | undefined): Promise<number> {
  try {
    return await endAll(cells, userId, ({ isDisabled }) => isDisabled, kept);
  } catch (error) {
    // To end sessions takes no memory, to mark them in the list does.
    if (error instanceof NoRoomError) return endWithoutMarks(cells, userId, kept);
    throw error;
  }
}

/** Those that are marked count, and no others: by that swap they end together. */
async function endAll(
  cells: Cells,
  userId: string,
  isDisabled: (record: UserRecord) => boolean,
  kept?: string,
): Promise<number> {
  const ended = await changeRecord(cells, userId, async (record) => {
    const ids = record.logins
      .filter(({ id, state }) => state !== 'ending' && id !== kept)
      .map(({ id }) => id);
    const live = [...(await liveSessions(cells, ids)).keys()];
    const next = { isDisabled: isDisabled(record), logins: withState(record.logins, live, 'ending') };
    if (live.length === 0 && next.isDisabled === record.isDisabled) return { result: 0 };
    return { next, result: live.length };
  });
  if (ended > 0) await changeRecord(cells, userId, (record) => ({ next: record, result: null }));
  return ended;
}

async function endWithoutMarks(cells: Cells, userId: string, kept: string | undefined): Promise<number> {
  let ended = 0;
  return attempts(async () => {
    const found = await cells.records.gets(userId);
    const { isDisabled, logins } = found === undefined ? EMPTY : found.value;
    const ids = logins.map(({ id }) => id).filter((id) => id !== kept);
    const live = await liveSessions(cells, ids);
    await cells.removeSessions(ids);
    ended += live.size;
    // The list names only what has ended, or must stay: it is forgotten, or kept as it is.
    if (found === undefined || isDisabled || ids.length < logins.length) return ended;
    return (await cells.records.remove(userId, found.cas)) === 'changed' ? undefined : ended;
  });
}

/**
 * Ends one login; false when the user has no such live one, or another call has ended it.
 * @param isRead whether it has been read as a live session of this user: it is removed even if it should not be listed.
 */
export async function endLogin(cells: Cells, userId: string, id: string, isRead = false): Promise<boolean> {
  let isSeen = isRead;
  const ending = changeRecord<boolean | null>(cells, userId, async ({ isDisabled, logins }) => {
    const login = logins.find((one) => one.id === id);
    if (login === undefined && isRead) return { result: null };
    if (login?.state !== 'login') return { result: false };
    // Once it is removed, here or by another call, the swap decides who has ended it.
    isSeen ||= (await liveSessions(cells, [id])).has(id);
    if (!isSeen) return { result: false };
    const next = { isDisabled, logins: logins.filter((one) => one.id !== id) };
    return { next, removed: [id], result: true };
  });
  try {
    return (await ending) ?? (await cells.sessions.remove(id)) === 'removed';
  } catch (error) {
    // It is removed all the same. The list names it until it expires there.
    if (error instanceof NoRoomError) return isSeen;
    throw error;
  }
}

function enable(cells: Cells, userId: string): Promise<number> {
  return changeRecord(cells, userId, (record) =>
    record.isDisabled ? { next: { ...record, isDisabled: false }, result: 0 } : { result: 0 },
  );
}
