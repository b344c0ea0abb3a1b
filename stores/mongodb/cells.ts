import { ObjectId } from 'mongodb';
import { accountOf } from '../failed-logins.ts';
import type { Cell, Cells, Clock } from '../logins/cells.ts';
import type { UserRecord } from '../logins/record.ts';
import type { StoredSession } from '../store.ts';
import { type MongodbConnection, SERVER_LIMIT } from './connection.ts';
import { casOfSession, stateOf, toDocument, toRecord, toSession, toUserDocument } from './documents.ts';
import { hasCode } from './driver.ts';

const DUPLICATE_KEY = 11_000;
/** A document over the limit of BSON: in an insert, in an update. */
const TOO_LARGE = [10_334, 17_280, 17_419, 17_420];

/** Documents as what the rules of logins/record.ts need: each command reads or writes one of them, atomically. */
export function cellsOn(connection: MongodbConnection, { idleMs, now }: Clock): Cells {
  const { ask } = connection;
  return {
    idleMs,
    now,
    sessions: sessionCell(connection),
    records: recordCell(connection),
    async getSessions(ids) {
      if (ids.length === 0) return [];
      const found = await ask(({ sessions }) =>
        sessions.find({ _id: { $in: [...ids] } }, SERVER_LIMIT).toArray(),
      );
      const byId = new Map(found.map((document) => [document._id, toSession(document)]));
      return ids.map((id) => byId.get(id));
    },
    async removeSessions(ids) {
      if (ids.length === 0) return;
      await ask(({ sessions }) => sessions.deleteMany({ _id: { $in: [...ids] } }, SERVER_LIMIT));
    },
    // On any connection that is free, so one after the other.
    async inOrder(first, second) {
      const before = await first();
      return [before, await second()];
    },
  };
}

function sessionCell({ ask, maxDocumentBytes }: MongodbConnection): Cell<StoredSession> {
  return {
    async gets(id) {
      const found = await ask(({ sessions }) => sessions.findOne({ _id: id }, SERVER_LIMIT));
      if (found === null) return undefined;
      const value = toSession(found);
      return { value, cas: casOfSession(value) };
    },
    async add(id, session) {
      if (!fits(session.data, maxDocumentBytes)) return 'too-large';
      return stored(async () => {
        await ask(({ sessions }) => sessions.insertOne(toDocument(id, session), SERVER_LIMIT));
        return true;
      });
    },
    swap: (id, session, cas) =>
      stored(async () => {
        const { _id, ...next } = toDocument(id, session);
        const { matchedCount } = await ask(({ sessions }) =>
          sessions.replaceOne({ _id, ...stateOf(cas) }, next, SERVER_LIMIT),
        );
        return matchedCount === 1;
      }),
    async remove(id, cas) {
      const state = cas === undefined ? {} : stateOf(cas);
      const { deletedCount } = await ask(({ sessions }) =>
        sessions.deleteOne({ _id: id, ...state }, SERVER_LIMIT),
      );
      if (deletedCount === 1) return 'removed';
      return cas === undefined ? 'absent' : 'changed';
    },
  };
}

function recordCell({ ask }: MongodbConnection): Cell<UserRecord> {
  return {
    async gets(userId) {
      const found = await ask(({ users }) => users.findOne({ _id: accountOf(userId) }, SERVER_LIMIT));
      return found === null ? undefined : { value: toRecord(found), cas: found.stamp.toHexString() };
    },
    add: (userId, record) =>
      stored(async () => {
        const document = toUserDocument(accountOf(userId), record, new ObjectId());
        await ask(({ users }) => users.insertOne(document, SERVER_LIMIT));
        return true;
      }),
    swap: (userId, record, cas) =>
      stored(async () => {
        const { _id, ...next } = toUserDocument(accountOf(userId), record, new ObjectId());
        const { matchedCount } = await ask(({ users }) =>
          users.replaceOne({ _id, stamp: new ObjectId(cas) }, next, SERVER_LIMIT),
        );
        return matchedCount === 1;
      }),
    async remove(userId, cas) {
      const state = cas === undefined ? {} : { stamp: new ObjectId(cas) };
      const { deletedCount } = await ask(({ users }) =>
        users.deleteOne({ _id: accountOf(userId), ...state }, SERVER_LIMIT),
      );
      if (deletedCount === 1) return 'removed';
      return cas === undefined ? 'absent' : 'changed';
    },
  };
}

async function stored(write: () => Promise<boolean>): Promise<'stored' | 'changed' | 'too-large'> {
  try {
    return (await write()) ? 'stored' : 'changed';
  } catch (error) {
    if (hasCode(error, DUPLICATE_KEY)) return 'changed';
    if (hasCode(error, ...TOO_LARGE)) return 'too-large';
    throw error;
  }
}

/** What a document needs besides the data. */
const OTHER_BYTES = 4_096;

/** Whether data fits into a document. */
export const fits = (data: string, maxDocumentBytes: number) =>
  Buffer.byteLength(data) + OTHER_BYTES <= maxDocumentBytes;
