/** Short connections of the harness to MongoDB; none is open during a measurement. */

import { BSON, type Db, MongoServerError } from 'mongodb';
import { PROBE_TIMEOUT_MS, SETTLE_TIMEOUT_MS, type ServiceClient, ServiceError } from '../service.ts';
import { collectionNames } from './connection.ts';
import { clientOf, closeClient, databaseFrom, hasCode, within } from './driver.ts';
import { ifPermitted, inspectMongodb, mongodbDurabilityMatches } from './inspect.ts';

/** Authentication failed; a right that is missing, for those without credentials every one. */
const REFUSALS = [18, 13];
const NO_COLLECTION = 26;

/**
 * Connects, calls `talk`, disconnects.
 * @throws ServiceError `unreachable` when nothing replies, `refused` for a wrong user or password; whatever `talk` throws.
 */
export async function withMongodb<T>(
  url: string,
  talk: (database: Db) => Promise<T>,
  limitMs = PROBE_TIMEOUT_MS,
): Promise<T> {
  const client = clientOf(url, { selectMs: PROBE_TIMEOUT_MS, replyMs: limitMs }, { maxPoolSize: 4 });
  try {
    try {
      await within(2 * PROBE_TIMEOUT_MS, client.connect());
    } catch (error) {
      throw connectError(error);
    }
    return await within(2 * limitMs, talk(databaseFrom(client, url)));
  } catch (error) {
    throw hasCode(error, ...REFUSALS) ? connectError(error) : error;
  } finally {
    await closeClient(client);
  }
}

function connectError(cause: unknown): ServiceError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ServiceError(hasCode(cause, ...REFUSALS) ? 'refused' : 'unreachable', message, { cause });
}

export const mongodbClient: ServiceClient = {
  inspect: (url, connections) => withMongodb(url, (database) => inspectMongodb(database, connections)),
  durabilityMatches: mongodbDurabilityMatches,
  /** A checkpoint within a window would be charged to the arm that is measured then. */
  settle: (url) =>
    withMongodb(
      url,
      async ({ client }) => {
        const reply = await ifPermitted(client.db('admin').command({ fsync: 1 }));
        return reply === undefined ? ['fsync: not permitted to this user'] : [];
      },
      SETTLE_TIMEOUT_MS,
    ),
  dataBytes: (url) =>
    withMongodb(url, async (database) => {
      const found = await ifPermitted(database.command({ dbStats: 1 }));
      return found === undefined ? undefined : Number(found['dataSize']) + Number(found['indexSize']);
    }),
  dump: (url) => withMongodb(url, dump, SETTLE_TIMEOUT_MS),
  purge: (url, namespace) => withMongodb(url, (database) => purge(database, namespace), SETTLE_TIMEOUT_MS),
  inspectProcess: (url, look) =>
    withMongodb(url, async ({ client }) => {
      const status = await ifPermitted(client.db('admin').command({ serverStatus: 1 }));
      const pid = Number(status?.['pid']);
      return Number.isInteger(pid) ? look({ pid, program: 'mongod', isChild: false }) : undefined;
    }),
};

/** All documents of the database, as extended JSON. */
async function dump(database: Db): Promise<string> {
  const lines: string[] = [];
  for (const { name } of await database.listCollections({}, { nameOnly: true }).toArray()) {
    for await (const document of database.collection(name).find())
      lines.push(`${name}\t${BSON.EJSON.stringify(document)}`);
  }
  return lines.join('\n');
}

async function purge(database: Db, namespace: string): Promise<void> {
  for (const name of Object.values(collectionNames(namespace))) {
    try {
      await database.dropCollection(name);
    } catch (error) {
      // An older server says so when there is none.
      if (!(error instanceof MongoServerError) || error.code !== NO_COLLECTION) throw error;
    }
  }
}
