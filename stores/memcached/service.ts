import type { ServiceDefinition } from '../service.ts';
import { MEMCACHED_URL } from './url.ts';

/** Memcached. Its server and its client are loaded on demand. */
export const memcachedService: ServiceDefinition = {
  name: 'memcached',
  title: 'Memcached',
  url: { variable: 'MEMCACHED_URL', driverVariables: [], ...MEMCACHED_URL },
  image: 'memcached:1.6',
  debian: { package: 'memcached', program: 'memcached' },
  // Its worker threads, by default and as the harness starts it.
  processors: 4,
  // Everything is in memory, and lost with the process.
  durabilities: ['none'],
  durabilitySettings: [],
  server: async () => (await import('./server.ts')).memcachedServer,
  client: async () => (await import('./client.ts')).memcachedClient,
};
