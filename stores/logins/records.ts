import type { LoginLimit, StoredSession } from '../store.ts';
import type { Cells, Clock, Found, Stored } from './cells.ts';
import { EMPTY, type Listed, type UserRecord } from './record.ts';

/** A value that does not fit: it is too large, or there is no memory. */
export class NoRoomError extends Error {
  readonly status: 'too-large' | 'full';
  constructor(status: 'too-large' | 'full') {
    super(status === 'full' ? 'the service is out of memory for the value' : 'the value is too large');
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

/** The session, if there is one and it is live. */
export function liveIn(
  session: StoredSession | undefined,
  { now, idleMs }: Clock,
): StoredSession | undefined {
  if (session === undefined) return undefined;
  const at = now();
  return at < session.touchedAtMs + idleMs && at < session.absoluteExpiryMs ? session : undefined;
}

/** How long a session is to be kept. */
export function lifeMs({ touchedAtMs, absoluteExpiryMs }: StoredSession, { idleMs, now }: Clock): number {
  return Math.min(touchedAtMs + idleMs, absoluteExpiryMs) - now();
}

/** The live ones of these sessions, by id. */
export async function liveSessions(
  cells: Cells,
  ids: readonly string[],
): Promise<Map<string, StoredSession>> {
  const sessions = await cells.getSessions(ids);
  return new Map(
    ids.flatMap((id, index) => {
      const session = liveIn(sessions[index], cells);
      return session === undefined ? [] : [[id, session] as const];
    }),
  );
}

/** A record as it was read; `undefined`: there was none. */
export interface Known {
  found: Found<UserRecord> | undefined;
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
  cells: Cells,
  userId: string,
  change: (record: UserRecord) => Change<T> | Promise<Change<T>>,
  known?: Known,
): Promise<T> {
  let latest = known;
  return attempts(async () => {
    const current = latest === undefined ? await cells.records.gets(userId) : latest.found;
    latest = undefined;
    const record = current?.value ?? EMPTY;
    const { next, removed = [], result } = await change(record);
    if (next === undefined) return result;
    const ending = record.logins.filter(({ state }) => state === 'ending').map(({ id }) => id);
    const at = cells.now();
    const logins = next.logins.filter(
      ({ id, absoluteExpiryMs }) => !ending.includes(id) && absoluteExpiryMs > at,
    );
    // An id leaves the list after its item.
    const [, isWritten] = await cells.inOrder(
      () => cells.removeSessions([...ending, ...removed]),
      () => write(cells, userId, { ...next, logins }, current?.cas),
    );
    return isWritten ? result : undefined;
  });
}

/** False: another write came first. */
async function write(
  { records }: Cells,
  userId: string,
  record: UserRecord,
  cas: string | undefined,
): Promise<boolean> {
  if (!record.isDisabled && record.logins.length === 0)
    return cas === undefined || (await records.remove(userId, cas)) === 'removed';
  if (cas === undefined) return isStored(await records.add(userId, record));
  return isStored(await records.swap(userId, record, cas));
}

/**
 * The logins that must end to make room for another one; `undefined` when the limit refuses it.
 * @param own its id, and that of the session that it replaces, which needs no room besides it.
 */
export async function room(
  cells: Cells,
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
    cells,
    others.map(({ id }) => id),
  );
  const occupants = others.filter(({ id }) => live.has(id)).sort((a, b) => a.createdAtMs - b.createdAtMs);
  const excess = occupants.length + 1 - limit.cap;
  if (excess > 0 && limit.onCap === 'refuse') return undefined;
  return occupants.slice(0, Math.max(0, excess)).map(({ id }) => id);
}
