import type { ServiceDefinition } from '../service.ts';
import { REDIS_URL } from './url.ts';

/** Redis. Its server and its client are loaded on demand. */
export const redisService: ServiceDefinition = {
  name: 'redis',
  title: 'Redis',
  url: { variable: 'REDIS_URL', driverVariables: [], ...REDIS_URL },
  image: 'redis:7.0',
  debian: { package: 'redis-server', program: 'redis-server' },
  // Commands run on one thread.
  processors: 1,
  durabilitySettings: ['appendonly', 'appendfsync', 'save'],
  server: async () => (await import('./server.ts')).redisServer,
  client: async () => (await import('./client.ts')).redisClient,
};
