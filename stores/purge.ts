import type { ServiceName } from './store.ts';

type Purge = (serviceUrl: string, namespace: string) => Promise<void>;

/** Of each service, loaded with its driver when it is needed. */
const PURGES: Readonly<Record<ServiceName, () => Promise<Purge>>> = {
  redis: async () => (await import('./redis/purge.ts')).purgeRedis,
  postgres: async () => (await import('./postgres/purge.ts')).purgePostgres,
};

/**
 * Removes everything that backends have kept under this namespace: on an external service nothing of a run stays behind.
 * Rejects when the service cannot be asked.
 */
export async function purgeNamespace(
  service: ServiceName,
  serviceUrl: string,
  namespace: string,
): Promise<void> {
  const purge = await PURGES[service]();
  await purge(serviceUrl, namespace);
}
