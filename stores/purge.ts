import type { ServiceName } from './store.ts';

/**
 * Removes everything that backends have kept under this namespace: on a service that somebody else runs,
 * nothing of ours stays behind. Rejects when the service cannot be asked.
 */
export function purgeNamespace(service: ServiceName, serviceUrl: string, namespace: string): Promise<void> {
  return service === 'redis' ? purgeRedis(serviceUrl, namespace) : purgePostgres(serviceUrl, namespace);
}

/** Of a connection, and of each command: a service that hangs must not hang the run. */
const TIMEOUT_MS = 3_000;
const SCAN_COUNT = 1_000;

/** By SCAN, which blocks nobody; only here, where no request waits, may a key be sought by its pattern. */
async function purgeRedis(serviceUrl: string, namespace: string): Promise<void> {
  const { Redis } = await import('ioredis');
  const client = new Redis(serviceUrl, {
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    // Else connecting waits, without a bound, for the answer of INFO.
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    lazyConnect: true,
  });
  // The failed call tells what went wrong; without a listener the event would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    let cursor = '0';
    do {
      const [next, keys] = await client.scan(cursor, 'MATCH', `${namespace}:*`, 'COUNT', SCAN_COUNT);
      if (keys.length > 0) await client.unlink(...keys);
      cursor = next;
    } while (cursor !== '0');
  } finally {
    client.disconnect();
  }
}

/** Drops the schemas of the namespace. */
async function purgePostgres(serviceUrl: string, namespace: string): Promise<void> {
  const { Client, escapeIdentifier } = (await import('pg')).default;
  const client = new Client({
    connectionString: serviceUrl,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  });
  // A lost connection fails the call that waits for it; without a listener the event would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const found = await client.query<{ name: string }>(
      "select nspname as name from pg_namespace where nspname ~ ('^[a-z]+_' || $1 || '_(un)?logged$')",
      [namespace],
    );
    for (const { name } of found.rows) await client.query(`drop schema ${escapeIdentifier(name)} cascade`);
  } finally {
    await client.end();
  }
}
