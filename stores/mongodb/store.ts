import type { RunOnCells } from '../logins/cells.ts';
import { liveIn } from '../logins/records.ts';
import { sessionsOnCells } from '../logins/sessions.ts';
import { userIndex } from '../logins/users.ts';
import { liveParameters } from '../rows.ts';
import type { OpenContext, SessionStore } from '../store.ts';
import { idOfToken } from '../token.ts';
import { cellsOn, fits } from './cells.ts';
import { type MongodbConnection, openMongodb, SERVER_LIMIT } from './connection.ts';
import { textField, toSession } from './documents.ts';
import { mongodbFailedLogins } from './failed-logins.ts';

/** Opens the store in the MongoDB of the context. @throws StoreUnavailableError when it is not available. */
export async function openMongodbStore(context: OpenContext): Promise<SessionStore> {
  const connection = await openMongodb(context);
  const clock = { idleMs: context.idleSeconds * 1000, now: () => Math.floor(context.now()) };
  const cells = cellsOn(connection, clock);
  const run: RunOnCells = (operation, act) => connection.run(operation, () => act(cells));
  return {
    ...sessionsOnCells(context, run),
    ...sessionMethods(context, connection, clock),
    users: userIndex(run),
    failedLogins: mongodbFailedLogins(connection),
    /** By what MongoDB knows of the collection; after a crash it may be off until it has counted again. */
    async stats() {
      const { ask } = connection;
      const sessions = await connection.run('stats', () =>
        ask((collections) => collections.sessions.estimatedDocumentCount(SERVER_LIMIT)),
      );
      return { sessions };
    },
    roundTrips: connection.roundTrips,
    close: connection.close,
  };
}

type SessionMethods = Pick<SessionStore, 'read' | 'update' | 'touch'>;

function sessionMethods(
  context: OpenContext,
  connection: MongodbConnection,
  clock: Parameters<typeof liveIn>[1],
): SessionMethods {
  const { ask, run, maxDocumentBytes } = connection;
  const touchIntervalMs = context.touchIntervalSeconds * 1000;
  const compareAndSwap = context.options['write'] !== 'lww';
  const live = liveParameters({ ...context, now: clock.now });
  /** Matches a session only while it lives. */
  const liveFilter = (id: string) => {
    const [idleSinceMs, nowMs] = live();
    return { _id: id, touchedAtMs: { $gt: idleSinceMs }, absoluteExpiry: { $gt: new Date(nowMs) } };
  };

  return {
    async read(token) {
      const id = idOfToken(token);
      if (id === undefined) return undefined;
      // By the id alone, the shortest way through MongoDB.
      const found = await run('read', () =>
        ask(({ sessions }) => sessions.findOne({ _id: id }, SERVER_LIMIT)),
      );
      const session = found === null ? undefined : liveIn(toSession(found), clock);
      if (session === undefined) return undefined;
      const { touchedAtMs, ...state } = session;
      return { handle: id, ...state, touchDue: clock.now() - touchedAtMs >= touchIntervalMs };
    },

    async update(token, data, version) {
      const id = idOfToken(token);
      if (id === undefined) return { status: 'gone' };
      if (!fits(data, maxDocumentBytes)) return { status: 'too-large' };
      const expected = compareAndSwap ? version : undefined;
      return run('update', async () => {
        const updated = await ask(({ sessions }) =>
          sessions.findOneAndUpdate(
            { ...liveFilter(id), ...(expected === undefined ? {} : { version: expected }) },
            { $set: { data: textField(data) }, $inc: { version: 1 } },
            { projection: { version: 1 }, returnDocument: 'after', ...SERVER_LIMIT },
          ),
        );
        if (updated !== null) return { status: 'ok', version: updated.version };
        if (expected === undefined) return { status: 'gone' };
        const alive = await ask(({ sessions }) =>
          sessions.findOne(liveFilter(id), { projection: { _id: 1 }, ...SERVER_LIMIT }),
        );
        return { status: alive === null ? 'gone' : 'conflict' };
      });
    },

    async touch(token) {
      const id = idOfToken(token);
      if (id === undefined) return undefined;
      const { matchedCount } = await run('touch', () =>
        ask(({ sessions }) =>
          sessions.updateOne(liveFilter(id), { $max: { touchedAtMs: clock.now() } }, SERVER_LIMIT),
        ),
      );
      return matchedCount === 1 ? {} : undefined;
    },
  };
}
