import type { OpenContext, SessionStore, StoredSession } from '../store.ts';
import { idOfToken, newTokenWithId } from '../token.ts';
import { add, get, gets, remove, stats, swap } from './commands.ts';
import { type MemcachedConnection, openMemcached } from './connection.ts';
import { memcachedFailedLogins } from './failed-logins.ts';
import type { Link } from './link.ts';
import { attempts, isStored, lifeMs, liveIn, NoRoomError, recordKey, type Scope } from './records.ts';
import { type Fresh, listLogin, replaceSession } from './rotate.ts';
import { endLogin, userIndex } from './users.ts';
import { encodeSession } from './value.ts';

/** Opens the store on the Memcached of the context. @throws StoreUnavailableError when it is not available. */
export async function openMemcachedStore(context: OpenContext): Promise<SessionStore> {
  const connection = await openMemcached(context);
  const { namespace } = context;
  const scope: Scope = {
    sessions: `${namespace}:s:`,
    users: `${namespace}:u:`,
    idleMs: context.idleSeconds * 1000,
    now: () => Math.floor(context.now()),
  };
  return {
    ...sessionMethods(context, connection, scope),
    users: userIndex(connection, scope),
    failedLogins: memcachedFailedLogins(connection, namespace),
    async stats() {
      // Counts every item, including one for each user who is logged in, and other arms on the same Memcached.
      const figures = await connection.run('stats', (link) => stats(link));
      return { sessions: Number(figures.get('curr_items')) };
    },
    roundTrips: connection.roundTrips,
    close: connection.close,
  };
}

type SessionMethods = Pick<SessionStore, 'create' | 'read' | 'update' | 'touch' | 'rotate' | 'destroy'>;

function sessionMethods(context: OpenContext, connection: MemcachedConnection, scope: Scope): SessionMethods {
  const absoluteMs = context.absoluteSeconds * 1000;
  const touchIntervalMs = context.touchIntervalSeconds * 1000;
  const compareAndSwap = context.options['write'] !== 'lww';

  return {
    create({ userId, role, data }, limit) {
      const at = scope.now();
      const times = { createdAtMs: at, touchedAtMs: at, absoluteExpiryMs: at + absoluteMs };
      const fresh = { ...newTokenWithId(), session: { userId, role, data, version: 1, ...times } };
      return connection.run('create', async (link) => {
        const { isAdded, ...known } = await addItem(link, scope, fresh);
        if (!isAdded) return { status: 'too-large' };
        if (userId === undefined) return { status: 'created', token: fresh.token, evicted: [] };
        return listLogin(link, scope, userId, fresh, limit, known);
      });
    },

    async read(token) {
      const id = idOfToken(token);
      if (id === undefined) return undefined;
      const text = await connection.run('read', (link) => get(link, scope.sessions + id));
      const session = liveIn(text, scope);
      if (session === undefined) return undefined;
      const { touchedAtMs, ...state } = session;
      return { handle: id, ...state, touchDue: scope.now() - touchedAtMs >= touchIntervalMs };
    },

    async update(token, data, version) {
      const id = idOfToken(token);
      if (id === undefined) return { status: 'gone' };
      const expected = compareAndSwap ? version : undefined;
      const next = (session: StoredSession) =>
        expected === undefined || expected === session.version
          ? { ...session, data, version: session.version + 1 }
          : undefined;
      const swapped = await connection.run('update', (link) => swapSession(link, scope, id, next));
      return typeof swapped === 'string' ? { status: swapped } : { status: 'ok', version: swapped.version };
    },

    async touch(token) {
      const id = idOfToken(token);
      if (id === undefined) return undefined;
      const next = (session: StoredSession) => ({ ...session, touchedAtMs: scope.now() });
      const swapped = await connection.run('touch', (link) => swapSession(link, scope, id, next));
      return typeof swapped === 'string' ? undefined : {};
    },

    async rotate(token, patch, limit) {
      const id = idOfToken(token);
      if (id === undefined) return undefined;
      return connection.run('rotate', async (link) => {
        const item = await gets(link, scope.sessions + id);
        const session = liveIn(item?.value, scope);
        if (item === undefined || session === undefined) return undefined;
        const { userId = session.userId, role = session.role, data = session.data } = patch;
        const next = { ...session, userId, role, data, touchedAtMs: scope.now() };
        const fresh: Fresh = { ...newTokenWithId(), session: next, hasOwnData: patch.data !== undefined };
        const { isAdded, ...known } = await addItem(link, scope, fresh);
        if (!isAdded) return { status: 'too-large' };
        return replaceSession(link, scope, { id, session, cas: item.cas }, fresh, limit, known);
      });
    },

    async destroy(token) {
      const id = idOfToken(token);
      if (id === undefined) return false;
      return connection.run('destroy', async (link) => {
        const key = scope.sessions + id;
        const session = liveIn(await get(link, key), scope);
        if (session === undefined) return false;
        if (session.userId === undefined) return (await remove(link, key)) === 'removed';
        return endLogin(link, scope, session.userId, id, true);
      });
    },
  };
}

/** Adds the item of a new session, and reads the record of its user in the same write. @throws NoRoomError */
async function addItem(link: Link, scope: Scope, { id, session }: Fresh) {
  const { userId } = session;
  const adding = add(link, scope.sessions + id, encodeSession(session), lifeMs(session, scope));
  const reading = userId === undefined ? undefined : gets(link, recordKey(scope, userId));
  const [added, found] = await Promise.all([adding, reading]);
  if (added === 'too-large') return { isAdded: false, found };
  if (!isStored(added)) throw new Error('expected a new id, got one that is taken');
  return { isAdded: true, found };
}

/** Swaps a live session for the next one, again until no other write comes between. `conflict`: there is no next one. */
function swapSession(
  link: Link,
  scope: Scope,
  id: string,
  nextOf: (session: StoredSession) => StoredSession | undefined,
): Promise<StoredSession | 'gone' | 'conflict' | 'too-large'> {
  const key = scope.sessions + id;
  return attempts(async () => {
    const found = await gets(link, key);
    const session = liveIn(found?.value, scope);
    if (found === undefined || session === undefined) return 'gone';
    const next = nextOf(session);
    if (next === undefined) return 'conflict';
    const stored = await swap(link, key, encodeSession(next), lifeMs(next, scope), found.cas);
    if (stored === 'full') throw new NoRoomError(stored);
    if (stored === 'changed') return undefined;
    return stored === 'stored' ? next : stored === 'absent' ? 'gone' : stored;
  });
}
