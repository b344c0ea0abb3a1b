import type { CreateResult, LoginLimit, StoredSession } from '../store.ts';
import { gets, remove, swap } from './commands.ts';
import type { Link } from './link.ts';
import { type Listed, type UserRecord, withState } from './record.ts';
import {
  attempts,
  type Change,
  changeRecord,
  isStored,
  type Known,
  lifeMs,
  liveIn,
  NoRoomError,
  removeSessions,
  room,
  type Scope,
} from './records.ts';
import { encodeSession } from './value.ts';

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
  link: Link,
  scope: Scope,
  userId: string,
  fresh: Fresh,
  limit: LoginLimit | undefined,
  known: Known,
): Promise<CreateResult> {
  const add = async (record: UserRecord): Promise<Change<CreateResult>> => {
    if (record.isDisabled) return { result: { status: 'disabled' } };
    const evicted = await room(link, scope, record, limit, { id: fresh.id, replaces: '' });
    if (evicted === undefined) return { result: { status: 'limit' } };
    const logins = [...withState(record.logins, evicted, 'ending'), listed(fresh, 'login')];
    return { next: { ...record, logins }, result: { status: 'created', token: fresh.token, evicted } };
  };
  const result = await orRemoved(link, scope, fresh, () => changeRecord(link, scope, userId, add, known));
  if (result.status === 'created') await removeSessions(link, scope, result.evicted);
  return result;
}

/**
 * Puts a session, whose item has been added, into the place of another, once. Without success its item is removed.
 * @param old as it was read.
 */
export async function replaceSession(
  link: Link,
  scope: Scope,
  old: { id: string; session: StoredSession; cas: string },
  fresh: Fresh,
  limit: LoginLimit | undefined,
  known: Known,
): Promise<CreateResult | undefined> {
  const { userId } = fresh.session;
  const result = await orRemoved(link, scope, fresh, async (): Promise<Outcome> => {
    if (userId === undefined) {
      const isOwn = await takeOver(link, scope, old, fresh);
      return isOwn ? { status: 'created', token: fresh.token, evicted: [] } : { status: 'gone' };
    }
    if (userId !== old.session.userId) return replaceElsewhere(link, scope, userId, old, fresh, limit, known);
    const replaced = await replaceListed(link, scope, userId, old.id, fresh, limit, known);
    if (replaced.status === 'created') await takeOver(link, scope, old, fresh);
    return replaced;
  });
  if (result.status === 'created') await removeSessions(link, scope, result.evicted);
  return result.status === 'gone' ? undefined : result;
}

type Old = Parameters<typeof replaceSession>[2];

/** A login of the same user: one swap decides. */
function replaceListed(
  link: Link,
  scope: Scope,
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
    const evicted = await room(link, scope, record, limit, { id: fresh.id, replaces: oldId });
    if (evicted === undefined) return { result: { status: 'limit' } };
    const logins = [...withState(record.logins, [oldId, ...evicted], 'ending'), listed(fresh, 'login')];
    return { next: { ...record, logins }, result: { status: 'created', token: fresh.token, evicted } };
  };
  return changeRecord(link, scope, userId, replace, known);
}

/** A session of nobody, or of another user: see the fifth rule of record.ts. */
async function replaceElsewhere(
  link: Link,
  scope: Scope,
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
    const evicted = await room(link, scope, record, limit, own);
    if (evicted === undefined) return { result: 'limit' };
    const state = evicted.length > 0 ? 'coming' : 'login';
    return { next: { ...record, logins: [...record.logins, listed(fresh, state, old.id)] }, result: state };
  };
  const entry = await changeRecord(link, scope, userId, enter, known);
  if (entry === 'disabled' || entry === 'limit') return { status: entry };
  if (!(await endOld(link, scope, old, fresh))) {
    await changeRecord(link, scope, userId, (record) => ({
      next: { ...record, logins: record.logins.filter(({ id }) => id !== fresh.id) },
      removed: [fresh.id],
      result: null,
    }));
    return { status: 'gone' };
  }
  if (entry === 'login') return { status: 'created', token: fresh.token, evicted: [] };
  const evicted = await changeRecord(link, scope, userId, async (record) => {
    // Ended meanwhile, as any other login.
    if (!record.logins.some(({ id, state }) => id === fresh.id && state === 'coming')) return { result: [] };
    const victims = (await room(link, scope, record, limit, own)) ?? [];
    const logins = withState(withState(record.logins, victims, 'ending'), [fresh.id], 'login');
    return { next: { ...record, logins }, result: victims };
  });
  return { status: 'created', token: fresh.token, evicted };
}

/** Ends the session that is replaced; false when another call has. */
async function endOld(link: Link, scope: Scope, old: Old, fresh: Fresh): Promise<boolean> {
  const { userId } = old.session;
  if (userId === undefined) return takeOver(link, scope, old, fresh);
  const isOwn = await changeRecord(link, scope, userId, ({ isDisabled, logins }) => {
    if (!logins.some(({ id, state }) => id === old.id && state === 'login')) return { result: false };
    return { next: { isDisabled, logins: withState(logins, [old.id], 'ending') }, result: true };
  });
  if (isOwn) await takeOver(link, scope, old, fresh);
  return isOwn;
}

/**
 * Removes the old item as it was read. What was written to it meanwhile goes into the new one first, for that was
 * acknowledged. False when it is gone.
 */
function takeOver(link: Link, scope: Scope, old: Old, fresh: Fresh): Promise<boolean> {
  const key = scope.sessions + old.id;
  let { cas } = old;
  return attempts(async () => {
    const removed = await remove(link, key, cas);
    if (removed !== 'changed') return removed === 'removed';
    const found = await gets(link, key);
    const session = liveIn(found?.value, scope);
    if (found === undefined || session === undefined) return false;
    cas = found.cas;
    await carry(link, scope, fresh, session);
    return undefined;
  });
}

/** Writes the version of the old one to the new item, and its data unless that has its own. */
async function carry(
  link: Link,
  scope: Scope,
  fresh: Fresh,
  { version, data }: StoredSession,
): Promise<void> {
  const key = scope.sessions + fresh.id;
  await attempts(async () => {
    const found = await gets(link, key);
    if (found === undefined) return true;
    const session = { ...fresh.session, version, ...(fresh.hasOwnData ? {} : { data }) };
    const stored = await swap(link, key, encodeSession(session), lifeMs(session, scope), found.cas);
    return stored === 'absent' || isStored(stored) || undefined;
  });
}

/** Nobody will have its token: it need not wait until it idles away. */
async function orRemoved<T extends Outcome>(
  link: Link,
  scope: Scope,
  { id }: Fresh,
  act: () => Promise<T>,
): Promise<T | { status: 'too-large' }> {
  try {
    const result = await act();
    if (result.status !== 'created') await removeSessions(link, scope, [id]);
    return result;
  } catch (error) {
    if (!(error instanceof NoRoomError)) throw error;
    await removeSessions(link, scope, [id]);
    if (error.status === 'too-large') return { status: 'too-large' };
    throw error;
  }
}
