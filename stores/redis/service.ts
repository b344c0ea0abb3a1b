import type { ServiceDefinition } from '../service.ts';

/** Redis. Its server and its client are loaded on demand. */
export const redisService: ServiceDefinition = {
  name: 'redis',
  title: 'Redis',
  url: { variable: 'REDIS_URL', schemes: ['redis:', 'rediss:'] },
  image: 'redis:7.0',
  debian: { package: 'redis-server', program: 'redis-server' },
  // Commands run on one thread.
  processors: 1,
  durabilitySettings: ['appendonly', 'appendfsync', 'save'],
  server: async () => (await import('./server.ts')).redisServer,
  client: async () => (await import('./client.ts')).redisClient,
};
