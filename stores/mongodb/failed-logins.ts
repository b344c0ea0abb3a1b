import { RateLimiterMongo } from 'rate-limiter-flexible';
import { type CountFailedLogins, counts, limiterOptions } from '../failed-logins.ts';
import type { MongodbConnection } from './connection.ts';

/** Counts in a collection of the store, over its connections; MongoDB removes them when their window has ended. */
export function mongodbFailedLogins({ ask, run, collections }: MongodbConnection): CountFailedLogins {
  return (rule) => {
    const limiter = new RateLimiterMongo({
      ...limiterOptions('', rule),
      storeClient: { collection: () => counted(collections.failedLogins, ask) },
      tableName: collections.failedLogins.collectionName,
      // The store has created them.
      disableIndexesCreation: true,
    });
    return counts(limiter, rule, (operation, reply) => run(operation, () => reply));
  };
}

type Counts = MongodbConnection['collections']['failedLogins'];

/** The part of a collection that the library uses, with the store's limits. */
function counted(collection: Counts, ask: MongodbConnection['ask']) {
  const limited =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    (...args: A) =>
      ask(() => call(...args));
  return {
    findOne: limited((where: object) => collection.findOne(where)),
    findOneAndUpdate: limited((where: object, change: object, options: object) =>
      collection.findOneAndUpdate(where, change, options),
    ),
    deleteOne: limited((where: object) => collection.deleteOne(where)),
  };
}
