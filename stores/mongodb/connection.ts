import type { Collection, Document, MongoClient } from 'mongodb';
import { checkedNamespace } from '../rows.ts';
import { type Durability, type OpenContext, StoreUnavailableError } from '../store.ts';
import type { SessionDocument, UserDocument } from './documents.ts';
import { clientOf, closeClient, databaseFrom, within } from './driver.ts';

/** The collections of a namespace. */
export interface Collections {
  sessions: Collection<SessionDocument>;
  users: Collection<UserDocument>;
  failedLogins: Collection<Document>;
}

/** One server's connections to MongoDB. */
export interface MongodbConnection {
  collections: Collections;
  /** Awaits the reply of one command. @throws Error also when there is none in time. */
  ask<T>(command: (collections: Collections) => Promise<T>): Promise<T>;
  /** Runs an operation of several. @throws StoreUnavailableError naming it, with the cause. */
  run<T>(operation: string, act: () => Promise<T>): Promise<T>;
  /** Commands sent since opening. */
  roundTrips(): number;
  /** Most bytes of a document. */
  maxDocumentBytes: number;
  close(): Promise<void>;
}

const LIMIT_MS = 1_000;
const SETUP_LIMIT_MS = 10_000;
/** Below the client's, so that what is abandoned there ends in the server too. */
export const SERVER_LIMIT = { maxTimeMS: LIMIT_MS - 100 };
/** The clocks of the servers and of MongoDB differ; it also counts failed logins by its own. */
const CLOCKS_DIFFER_SECONDS = 60;
const DUE = { expireAfterSeconds: CLOCKS_DIFFER_SECONDS };

/** Names of the collections of a namespace. */
export function collectionNames(namespace: string) {
  const own = checkedNamespace(namespace);
  return { sessions: `${own}_sessions`, users: `${own}_users`, failedLogins: `${own}_failed_logins` };
}

/**
 * How a write is acknowledged. Without `j` it is in the journal within 100 ms (journalCommitInterval), until when a crash
 * loses it; with it, before the reply.
 */
export function writeConcernOf(durability: Durability): { w: 1; journal: boolean } {
  return { w: 1, journal: durability === 'commit' };
}

/**
 * Opens the connections, and creates collections and indexes.
 * @throws StoreUnavailableError when MongoDB does not reply or refuses.
 */
export async function openMongodb(context: OpenContext): Promise<MongodbConnection> {
  const { serviceUrl: url, durability, namespace, poolSize } = context;
  if (url === undefined) throw new TypeError('expected the URL of MongoDB, got none');
  const client = clientOf(
    url,
    { selectMs: LIMIT_MS, replyMs: LIMIT_MS },
    { maxPoolSize: Math.max(1, poolSize - 1), writeConcern: writeConcernOf(durability) },
  );
  const database = databaseFrom(client, url);
  const names = collectionNames(namespace);
  const collections: Collections = {
    sessions: database.collection(names.sessions),
    users: database.collection(names.users),
    failedLogins: database.collection(names.failedLogins),
  };
  let isClosed = false;
  let sent = 0;
  try {
    await within(SETUP_LIMIT_MS, client.connect());
    const hello = await within(SETUP_LIMIT_MS, database.command({ hello: 1 }));
    await within(SETUP_LIMIT_MS, createIndexes(collections));
    reportLosses(client, (cause) => {
      if (!isClosed) context.onBackgroundError(cause);
    });
    return {
      collections,
      async ask(command) {
        sent += 1;
        return within(LIMIT_MS, command(collections));
      },
      async run(operation, act) {
        try {
          return await act();
        } catch (cause) {
          throw new StoreUnavailableError(operation, cause);
        }
      },
      roundTrips: () => sent,
      maxDocumentBytes: Number(hello['maxBsonObjectSize']),
      close() {
        isClosed = true;
        return closeClient(client);
      },
    };
  } catch (cause) {
    await closeClient(client);
    throw new StoreUnavailableError('open', cause);
  }
}

/**
 * MongoDB removes what is due by these indexes about once a minute, so expiry is checked on read. Only by what never
 * changes: an index on what a touch sets would cost each touch a write more. What idles away stays until its absolute
 * expiry.
 */
async function createIndexes({ sessions, users, failedLogins }: Collections): Promise<void> {
  await sessions.createIndex({ absoluteExpiry: 1 }, DUE);
  await users.createIndex({ expiry: 1 }, DUE);
  await failedLogins.createIndex({ expire: 1 }, DUE);
  await failedLogins.createIndex({ key: 1 }, { unique: true });
}

/** One report for each outage. */
function reportLosses(client: MongoClient, report: (cause: unknown) => void): void {
  let isDown = false;
  client.on('serverDescriptionChanged', ({ newDescription }) => {
    const { error } = newDescription;
    if (error !== null && error !== undefined && !isDown) report(error);
    isDown = error !== null && error !== undefined;
  });
}
