import { type ServiceDefinition, UNPROVEN } from '../service.ts';
import { MONGODB_URL } from './url.ts';

/** MongoDB, by its URL or its image. Its server and its client are loaded on demand. */
export const mongodbService: ServiceDefinition = {
  name: 'mongodb',
  title: 'MongoDB',
  // The driver reads no variable.
  url: { variable: 'MONGODB_URL', driverVariables: [], ...MONGODB_URL },
  image: 'mongo:8',
  processors: Number.POSITIVE_INFINITY,
  // It always writes a journal, and a write that is not acknowledged (w: 0) would not be known to have failed.
  durabilities: ['second', 'commit'],
  durabilitySettings: ['storageEngine', 'journalCommitInterval'],
  unproven: UNPROVEN,
  server: async () => (await import('./server.ts')).mongodbServer,
  client: async () => (await import('./client.ts')).mongodbClient,
};
