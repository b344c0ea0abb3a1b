import { accountOf } from '../failed-logins.ts';
import type { LoginLimit, StoredSession } from '../store.ts';
import { add, type Found, get, gets, remove, type Stored, swap } from './commands.ts';
import type { Link } from './link.ts';
import { decodeRecord, EMPTY, encodeRecord, type Listed, lifeOf, type UserRecord } from './record.ts';
import { decodeSession } from './value.ts';

/** Keys, clock and lifetime of the sessions of a store. */
export interface Scope {
  /** Before the id of a session. */
  sessions: string;
  /** Before the account of a user. */
  users: string;
  idleMs: number;
  /** Whole milliseconds since the epoch. */
  now(): number;
}

/** A value that does not fit: it is too large, or there is no memory. */
export class NoRoomError extends Error {
  readonly status: 'too-large' | 'full';
  constructor(status: 'too-large' | 'full') {
    super(status === 'full' ? 'SERVER_ERROR out of memory storing object' : 'the value is too large');
    this.name = 'NoRoomError';
    this.status = status;
  }
}

/** Each failed attempt is the success of another write: of 50 logins at once one takes at most 50. */
const MAX_ATTEMPTS = 500;

/** Attempts until one returns a result; `undefined` asks for another. @throws Error when others come first for ever. */
export async function attempts<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (let count = 0; count < MAX_ATTEMPTS; count += 1) {
    const result = await attempt();
    if (result !== undefined) return result;
  }
  throw new Error(`expected to write within ${MAX_ATTEMPTS} attempts, but others always came first`);
}

/** Whether it was written; false when another write came first. @throws NoRoomError */
export function isStored(stored: Stored): boolean {
  if (stored === 'too-large' || stored === 'full') throw new NoRoomError(stored);
  return stored === 'stored';
}

/** The session in a text, if there is one and it is live. */
export function liveIn(text: string | undefined, { now, idleMs }: Scope): StoredSession | undefined {
  if (text === undefined) return undefined;
  const session = decodeSession(text);
  const at = now();
  return at < session.touchedAtMs + idleMs && at < session.absoluteExpiryMs ? session : undefined;
}

/** How long the item of a session is to be kept. */
export function lifeMs({ touchedAtMs, absoluteExpiryMs }: StoredSession, { idleMs, now }: Scope): number {
  return Math.min(touchedAtMs + idleMs, absoluteExpiryMs) - now();
}

/** The live ones of these sessions, by id; all are asked for in one write. */
export async function liveSessions(
  link: Link,
  scope: Scope,
  ids: readonly string[],
): Promise<Map<string, StoredSession>> {
  const texts = await Promise.all(ids.map((id) => get(link, scope.sessions + id)));
  return new Map(
    ids.flatMap((id, index) => {
      const session = liveIn(texts[index], scope);
      return session === undefined ? [] : [[id, session] as const];
    }),
  );
}

export function removeSessions(link: Link, scope: Scope, ids: readonly string[]) {
  return Promise.all(ids.map((id) => remove(link, scope.sessions + id)));
}

export const recordKey = (scope: Scope, userId: string) => scope.users + accountOf(userId);

/** A record as it was read; `undefined`: there was none. */
export interface Known {
  found: Found | undefined;
}

/** What a change makes of a record. */
export interface Change<T> {
  /** Absent: it stays as it is. */
  next?: UserRecord;
  /** Sessions that are removed before the ids leave the list. */
  removed?: readonly string[];
  result: T;
}

/**
 * Swaps the record of a user for what `change` makes of it, again until no other write comes between. Removes what is
 * marked as ending, and forgets what has expired.
 * @param known what has been read already.
 * @throws NoRoomError
 */
export async function changeRecord<T extends NonNullable<unknown> | null>(
  link: Link,
  scope: Scope,
  userId: string,
  change: (record: UserRecord) => Change<T> | Promise<Change<T>>,
  known?: Known,
): Promise<T> {
  const key = recordKey(scope, userId);
  let latest = known;
  return attempts(async () => {
    const current = latest === undefined ? await gets(link, key) : latest.found;
    latest = undefined;
    const record = current === undefined ? EMPTY : decodeRecord(current.value);
    const { next, removed = [], result } = await change(record);
    if (next === undefined) return result;
    const ending = record.logins.filter(({ state }) => state === 'ending').map(({ id }) => id);
    const at = scope.now();
    const logins = next.logins.filter(
      ({ id, absoluteExpiryMs }) => !ending.includes(id) && absoluteExpiryMs > at,
    );
    // In one write, whose order the server keeps: an id leaves the list after its item.
    const removing = removeSessions(link, scope, [...ending, ...removed]);
    const writing = write(link, key, { ...next, logins }, at, current?.cas);
    const [isWritten] = await Promise.all([writing, removing]);
    return isWritten ? result : undefined;
  });
}

/** False: another write came first. */
async function write(
  link: Link,
  key: string,
  record: UserRecord,
  nowMs: number,
  cas: string | undefined,
): Promise<boolean> {
  if (!record.isDisabled && record.logins.length === 0)
    return cas === undefined || (await remove(link, key, cas)) === 'removed';
  const value = encodeRecord(record);
  const life = lifeOf(record, nowMs);
  if (cas === undefined) return isStored(await add(link, key, value, life));
  return isStored(await swap(link, key, value, life, cas));
}

/**
 * The logins that must end to make room for another one; `undefined` when the limit refuses it.
 * @param own its id, and that of the session that it replaces, which needs no room besides it.
 */
export async function room(
  link: Link,
  scope: Scope,
  { logins }: UserRecord,
  limit: LoginLimit | undefined,
  own: { id: string; replaces: string },
): Promise<readonly string[] | undefined> {
  if (limit === undefined) return [];
  // Of several rotations of one session one is to win.
  const isRival = ({ id, replaces }: Listed) =>
    own.replaces !== '' && (id === own.replaces || replaces === own.replaces);
  const others = logins.filter((one) => one.state === 'login' && one.id !== own.id && !isRival(one));
  if (others.length < limit.cap) return [];
  const live = await liveSessions(
    link,
    scope,
    others.map(({ id }) => id),
  );
  const occupants = others.filter(({ id }) => live.has(id)).sort((a, b) => a.createdAtMs - b.createdAtMs);
  const excess = occupants.length + 1 - limit.cap;
  if (excess > 0 && limit.onCap === 'refuse') return undefined;
  return occupants.slice(0, Math.max(0, excess)).map(({ id }) => id);
}
