import type { RunOnCells } from '../logins/cells.ts';
import { attempts, lifeMs, liveIn, NoRoomError } from '../logins/records.ts';
import { sessionsOnCells } from '../logins/sessions.ts';
import { userIndex } from '../logins/users.ts';
import type { OpenContext, SessionStore, StoredSession } from '../store.ts';
import { idOfToken } from '../token.ts';
import { cellsOn, type Scope } from './cells.ts';
import { get, gets, stats, swap } from './commands.ts';
import { type MemcachedConnection, openMemcached } from './connection.ts';
import { memcachedFailedLogins } from './failed-logins.ts';
import type { Link } from './link.ts';
import { decodeSession, encodeSession } from './value.ts';

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
  const run: RunOnCells = (operation, act) => connection.run(operation, (link) => act(cellsOn(link, scope)));
  return {
    ...sessionsOnCells(context, run),
    ...sessionMethods(context, connection, scope),
    users: userIndex(run),
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

type SessionMethods = Pick<SessionStore, 'read' | 'update' | 'touch'>;

function sessionMethods(context: OpenContext, connection: MemcachedConnection, scope: Scope): SessionMethods {
  const touchIntervalMs = context.touchIntervalSeconds * 1000;
  const compareAndSwap = context.options['write'] !== 'lww';

  return {
    async read(token) {
      const id = idOfToken(token);
      if (id === undefined) return undefined;
      const text = await connection.run('read', (link) => get(link, scope.sessions + id));
      const session = liveText(text, scope);
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
  };
}

/** The session in a text, if there is one and it is live. */
function liveText(text: string | undefined, scope: Scope): StoredSession | undefined {
  return text === undefined ? undefined : liveIn(decodeSession(text), scope);
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
    const session = liveText(found?.value, scope);
    if (found === undefined || session === undefined) return 'gone';
    const next = nextOf(session);
    if (next === undefined) return 'conflict';
    const stored = await swap(link, key, encodeSession(next), lifeMs(next, scope), found.cas);
    if (stored === 'full') throw new NoRoomError(stored);
    if (stored === 'changed') return undefined;
    return stored === 'stored' ? next : stored === 'absent' ? 'gone' : stored;
  });
}
