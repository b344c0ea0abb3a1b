import type { OpenContext, SessionStore } from '../store.ts';
import { idOfToken, newTokenWithId } from '../token.ts';
import type { Cells, RunOnCells } from './cells.ts';
import { isStored, liveIn } from './records.ts';
import { type Fresh, listLogin, replaceSession } from './rotate.ts';
import { endLogin } from './users.ts';

/** The calls that begin and end a session, by the rules of record.ts. */
export function sessionsOnCells(
  { now, absoluteSeconds }: Pick<OpenContext, 'now' | 'absoluteSeconds'>,
  run: RunOnCells,
): Pick<SessionStore, 'create' | 'rotate' | 'destroy'> {
  return {
    create({ userId, role, data }, limit) {
      const at = Math.floor(now());
      const times = { createdAtMs: at, touchedAtMs: at, absoluteExpiryMs: at + absoluteSeconds * 1000 };
      const fresh = { ...newTokenWithId(), session: { userId, role, data, version: 1, ...times } };
      return run('create', async (cells) => {
        const { isAdded, ...known } = await addItem(cells, fresh);
        if (!isAdded) return { status: 'too-large' };
        if (userId === undefined) return { status: 'created', token: fresh.token, evicted: [] };
        return listLogin(cells, userId, fresh, limit, known);
      });
    },

    async rotate(token, patch, limit) {
      const id = idOfToken(token);
      if (id === undefined) return undefined;
      return run('rotate', async (cells) => {
        const item = await cells.sessions.gets(id);
        const session = liveIn(item?.value, cells);
        if (item === undefined || session === undefined) return undefined;
        const { userId = session.userId, role = session.role, data = session.data } = patch;
        const next = { ...session, userId, role, data, touchedAtMs: cells.now() };
        const fresh: Fresh = { ...newTokenWithId(), session: next, hasOwnData: patch.data !== undefined };
        const { isAdded, ...known } = await addItem(cells, fresh);
        if (!isAdded) return { status: 'too-large' };
        return replaceSession(cells, { id, session, cas: item.cas }, fresh, limit, known);
      });
    },

    async destroy(token) {
      const id = idOfToken(token);
      if (id === undefined) return false;
      return run('destroy', async (cells) => {
        const [found] = await cells.getSessions([id]);
        const session = liveIn(found, cells);
        if (session === undefined) return false;
        if (session.userId === undefined) return (await cells.sessions.remove(id)) === 'removed';
        return endLogin(cells, session.userId, id, true);
      });
    },
  };
}

/** Adds the item of a new session, and reads the record of its user at the same time. @throws NoRoomError */
async function addItem(cells: Cells, { id, session }: Fresh) {
  const { userId } = session;
  const adding = cells.sessions.add(id, session);
  const reading = userId === undefined ? undefined : cells.records.gets(userId);
  const [added, found] = await Promise.all([adding, reading]);
  if (added === 'too-large') return { isAdded: false, found };
  if (!isStored(added)) throw new Error('expected a new id, got one that is taken');
  return { isAdded: true, found };
}
