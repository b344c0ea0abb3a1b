import { withMongodb } from '../../../stores/mongodb/client.ts';
import { mongodbService } from '../../../stores/mongodb/service.ts';
import type { ServiceSuite } from './service-suite.ts';

const SETTINGS = { storageEngine: 'wiredTiger', journalCommitInterval: '100' };

/** Guarantees of MongoDB, which is started from its image only. */
export const MONGODB_SUITE: Omit<ServiceSuite, 'tier'> = {
  definition: mongodbService,
  settings: { second: SETTINGS, commit: SETTINGS },
  isByWrite: true,
  use: (url) =>
    withMongodb(url, async (database) => {
      const collection = database.collection<{ _id: number }>('suite');
      await collection.insertOne({ _id: Date.now() });
      if ((await collection.findOne()) === null) throw new Error('MongoDB lost a document');
    }),
};
