import type { CreateResult, LoginLimit, StoredSession } from '../store.ts';
import type { Cells } from './cells.ts';
import { type Listed, type UserRecord, withState } from './record.ts';
import {
  attempts,
  type Change,
  changeRecord,
  isStored,
  type Known,
  liveIn,
  NoRoomError,
  room,
} from './records.ts';

/** A session whose item has been added, to be listed where it has a user. */
export interface Fresh {
  id: string;
  token: string;
  session: StoredSession;
  /** Whether its data are its own, and not those of the session that it replaces, if it replaces one. */
  hasOwnData?: boolean;
}

/** `gone`: the session that it was to replace has ended. */
type Outcome = CreateResult | { status: 'gone' };

const listed = ({ id, session }: Fresh, state: Listed['state'], replaces = ''): Listed => {
  const { createdAtMs, absoluteExpiryMs } = session;
  return { id, createdAtMs, absoluteExpiryMs, state, replaces };
};

/** Lists a new login of a user, and ends those that must make room for it. Without success its item is removed. */
export async function listLogin(
  cells: Cells,
  userId: string,
  fresh: Fresh,
  limit: LoginLimit | undefined,
  known: Known,
): Promise<CreateResult> {
  const add = async (record: UserRecord): Promise<Change<CreateResult>> => {
    if (record.isDisabled) return { result: { status: 'disabled' } };
    const evicted = await room(cells, record, limit, { id: fresh.id, replaces: '' });
    if (evicted === undefined) return { result: { status: 'limit' } };
    const logins = [...withState(record.logins, evicted, 'ending'), listed(fresh, 'login')];
    return { next: { ...record, logins }, result: { status: 'created', token: fresh.token, evicted } };
  };
  const result = await orRemoved(cells, fresh, () => changeRecord(cells, userId, add, known));
  if (result.status === 'created') await cells.removeSessions(result.evicted);
  return result;
}

/**
 * Puts a session, whose item has been added, into the place of another, once. Without success its item is removed.
 * @param old as it was read.
 */
export async function replaceSession(
  cells: Cells,
  old: { id: string; session: StoredSession; cas: string },
  fresh: Fresh,
  limit: LoginLimit | undefined,
  known: Known,
): Promise<CreateResult | undefined> {
  const { userId } = fresh.session;
  const result = await orRemoved(cells, fresh, async (): Promise<Outcome> => {
    if (userId === undefined) {
      const isOwn = await takeOver(cells, old, fresh);
      return isOwn ? { status: 'created', token: fresh.token, evicted: [] } : { status: 'gone' };
    }
    if (userId !== old.session.userId) return replaceElsewhere(cells, userId, old, fresh, limit, known);
    const replaced = await replaceListed(cells, userId, old.id, fresh, limit, known);
    if (replaced.status === 'created') await takeOver(cells, old, fresh);
    return replaced;
  });
  if (result.status === 'created') await cells.removeSessions(result.evicted);
  return result.status === 'gone' ? undefined : result;
}

type Old = Parameters<typeof replaceSession>[1];

/** A login of the same user: one swap decides. */
function replaceListed(
  cells: Cells,
  userId: string,
  oldId: string,
  fresh: Fresh,
  limit: LoginLimit | undefined,
  known: Known,
): Promise<Outcome> {
  const replace = async (record: UserRecord): Promise<Change<Outcome>> => {
    if (!record.logins.some(({ id, state }) => id === oldId && state === 'login'))
      return { result: { status: 'gone' } };
    if (record.isDisabled) return { result: { status: 'disabled' } };
    const evicted = await room(cells, record, limit, { id: fresh.id, replaces: oldId });
    if (evicted === undefined) return { result: { status: 'limit' } };
    const logins = [...withState(record.logins, [oldId, ...evicted], 'ending'), listed(fresh, 'login')];
    return { next: { ...record, logins }, result: { status: 'created', token: fresh.token, evicted } };
  };
  return changeRecord(cells, userId, replace, known);
}

/** A session of nobody, or of another user: see the fifth rule of record.ts. */
async function replaceElsewhere(
  cells: Cells,
  userId: string,
  old: Old,
  fresh: Fresh,
  limit: LoginLimit | undefined,
  known: Known,
): Promise<Outcome> {
  const own = { id: fresh.id, replaces: old.id };
  type Entry = 'login' | 'coming' | 'disabled' | 'limit';
  const enter = async (record: UserRecord): Promise<Change<Entry>> => {
    if (record.isDisabled) return { result: 'disabled' };
    const evicted = await room(cells, record, limit, own);
    if (evicted === undefined) return { result: 'limit' };
    const state = evicted.length > 0 ? 'coming' : 'login';
    return { next: { ...record, logins: [...record.logins, listed(fresh, state, old.id)] }, result: state };
  };
  const entry = await changeRecord(cells, userId, enter, known);
  if (entry === 'disabled' || entry === 'limit') return { status: entry };
  if (!(await endOld(cells, old, fresh))) {
    await changeRecord(cells, userId, (record) => ({
      next: { ...record, logins: record.logins.filter(({ id }) => id !== fresh.id) },
      removed: [fresh.id],
      result: null,
    }));
    return { status: 'gone' };
  }
  if (entry === 'login') return { status: 'created', token: fresh.token, evicted: [] };
  const evicted = await changeRecord(cells, userId, async (record) => {
    // Ended meanwhile, as any other login.
    if (!record.logins.some(({ id, state }) => id === fresh.id && state === 'coming')) return { result: [] };
    const victims = (await room(cells, record, limit, own)) ?? [];
    const logins = withState(withState(record.logins, victims, 'ending'), [fresh.id], 'login');
    return { next: { ...record, logins }, result: victims };
  });
  return { status: 'created', token: fresh.token, evicted };
}

/** Ends the session that is replaced; false when another call has. */
async function endOld(cells: Cells, old: Old, fresh: Fresh): Promise<boolean> {
  const { userId } = old.session;
  if (userId === undefined) return takeOver(cells, old, fresh);
  const isOwn = await changeRecord(cells, userId, ({ isDisabled, logins }) => {
    if (!logins.some(({ id, state }) => id === old.id && state === 'login')) return { result: false };
    return { next: { isDisabled, logins: withState(logins, [old.id], 'ending') }, result: true };
  });
  if (isOwn) await takeOver(cells, old, fresh);
  return isOwn;
}

/**
 * Removes the old item as it was read. What was written to it meanwhile goes into the new one first, for that was
 * acknowledged. False when it is gone.
 */
function takeOver(cells: Cells, old: Old, fresh: Fresh): Promise<boolean> {
  let { cas } = old;
  return attempts(async () => {
    const removed = await cells.sessions.remove(old.id, cas);
    if (removed !== 'changed') return removed === 'removed';
    const found = await cells.sessions.gets(old.id);
    const session = liveIn(found?.value, cells);
    if (found === undefined || session === undefined) return false;
    cas = found.cas;
    await carry(cells, fresh, session);
    return undefined;
  });
}

/** Writes the version of the old one to the new item, and its data unless that has its own. */
async function carry(cells: Cells, fresh: Fresh, { version, data }: StoredSession): Promise<void> {
  await attempts(async () => {
    const found = await cells.sessions.gets(fresh.id);
    if (found === undefined) return true;
    const session = { ...fresh.session, version, ...(fresh.hasOwnData ? {} : { data }) };
    const stored = await cells.sessions.swap(fresh.id, session, found.cas);
    return stored === 'absent' || isStored(stored) || undefined;
  });
}

/** Nobody will have its token: it need not wait until it idles away. */
async function orRemoved<T extends Outcome>(
  cells: Cells,
  { id }: Fresh,
  act: () => Promise<T>,
): Promise<T | { status: 'too-large' }> {
  try {
    const result = await act();
    if (result.status !== 'created') await cells.removeSessions([id]);
    return result;
  } catch (error) {
    if (!(error instanceof NoRoomError)) throw error;
    await cells.removeSessions([id]);
    if (error.status === 'too-large') return { status: 'too-large' };
    throw error;
  }
}
