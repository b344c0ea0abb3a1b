import pg from 'pg';

const { Client, escapeIdentifier } = pg;

/** Of a connection, and of each command: a service that hangs must not hang the run. */
const TIMEOUT_MS = 3_000;

/** Drops the schemas of the namespace. */
export async function purgePostgres(serviceUrl: string, namespace: string): Promise<void> {
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
