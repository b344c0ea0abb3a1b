/** Everything that a service holds, as text: what the thief of a dump or a backup would have. */

import pg from 'pg';
import { withPostgres } from './postgres-client.ts';
import { withRedis } from './redis-client.ts';
import type { ServiceName } from './service.ts';

/** All keys and values of Redis, or all rows of all tables of Postgres; binary values as hexadecimal digits too. */
export function dumpService(name: ServiceName, url: string): Promise<string> {
  return name === 'redis' ? dumpRedis(url) : dumpPostgres(url);
}

function dumpRedis(url: string): Promise<string> {
  return withRedis(url, async (redis) => {
    const lines: string[] = [];
    for (const key of await redis.keys('*')) {
      const type = await redis.type(key);
      if (type === 'string') lines.push(`${key}\t${await redis.get(key)}`);
      else if (type === 'zset') {
        const members = (await redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')) as string[];
        lines.push(`${key}\t${members.join('\t')}`);
      } else if (type === 'set') lines.push(`${key}\t${(await redis.smembers(key)).join('\t')}`);
      else if (type === 'hash') lines.push(`${key}\t${JSON.stringify(await redis.hgetall(key))}`);
      else throw new Error(`expected keys of a kind that we write, got a ${type}`);
    }
    return lines.join('\n');
  });
}

function dumpPostgres(url: string): Promise<string> {
  return withPostgres(url, async (client) => {
    const tables = await client.query<{ schema: string; name: string }>(
      "select schemaname as schema, tablename as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')",
    );
    const lines: string[] = [];
    for (const { schema, name } of tables.rows) {
      const table = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
      const { rows } = await client.query<{ row: string }>(`select one::text as row from ${table} as one`);
      lines.push(...rows.map(({ row }) => `${schema}.${name}\t${row}`));
    }
    return lines.join('\n');
  });
}
