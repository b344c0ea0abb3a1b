import pg from 'pg';
import { schemaName, setupScript } from '../../../stores/postgres/setup.ts';
import type { ServerConfig } from '../../config.ts';
import type { OnError, Service } from './arm.ts';

/** Where a library keeps its tables, quoted, and how a table of this durability is created. */
export interface Place {
  schema: string;
  /** `table`, or `unlogged table` where nothing has to survive. */
  table: string;
}

/**
 * A pool of pg with its defaults, but for its size and the durability, which are those of the run.
 * @param prefix of the schema. @param tables SQL that creates what is missing. @throws Error without a URL, or when
 * Postgres does not reply.
 */
export async function openPostgres(
  { serviceUrl: connectionString, durability, namespace, poolSize }: ServerConfig,
  onError: OnError,
  prefix: string,
  tables: (place: Place) => string,
): Promise<Service & { pool: pg.Pool; schema: string }> {
  if (connectionString === undefined) throw new TypeError('expected the URL of Postgres, got none');
  const unlogged = durability === 'none';
  const schema = schemaName(prefix, namespace, unlogged);
  const commits = `-c synchronous_commit=${durability === 'commit' ? 'on' : 'off'}`;
  const options = `${commits} -c search_path=${schema.replaceAll('"', '')}`;
  const pool = new pg.Pool({ connectionString, options, max: poolSize });
  // Without a listener, a restart of Postgres would end this process.
  pool.on('error', onError);
  let sent = 0;
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      sent += 1;
      return query(...args);
    }) as typeof client.query;
  });
  await pool.query(setupScript(schema, tables({ schema, table: unlogged ? 'unlogged table' : 'table' })));
  sent = 0;
  return { pool, schema: schema.replaceAll('"', ''), roundTrips: () => sent, close: () => pool.end() };
}
