import { Redis } from 'ioredis';

/** Of a connection, and of each command: a service that hangs must not hang the run. */
const TIMEOUT_MS = 3_000;
const SCAN_COUNT = 1_000;

/** By SCAN, which blocks nobody; only here, where no request waits, may a key be sought by its pattern. */
export async function purgeRedis(serviceUrl: string, namespace: string): Promise<void> {
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
