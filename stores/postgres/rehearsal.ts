import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { refusal } from '../service.ts';

/** What a run will do is done once and undone: what is refused here would fail when servers start. */

/** @throws ServiceError when it refuses what a run needs: rights, event triggers, a full disk. */
export async function rehearse(client: pg.Client): Promise<void> {
  const schema = `rehearsal_sb_${randomBytes(9).toString('hex')}`;
  try {
    await client.query(`begin;
      create schema ${schema};
      create table ${schema}.one (id bytea primary key, at bigint not null) with (fillfactor = 70);
      create unlogged table ${schema}.two (id bytea primary key);
      create function ${schema}.three() returns void language plpgsql as $$ begin null; end $$;
      insert into ${schema}.one values ('\\x00', 1);
      select ${schema}.three();`);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    const remedy = 'Grant what is missing, or name another user or database.';
    throw refusal('to let this user make schemas, tables and functions', `"${error.message}"`, remedy, error);
  } finally {
    await client.query('rollback');
  }
}

/** @throws ServiceError when the user or the database may have fewer connections at once. */
export async function checkLimits(client: pg.Client, connections: number): Promise<void> {
  const { rows } = await client.query<{ kind: string; most: number }>(
    `select 'role' as kind, rolconnlimit as most from pg_roles
       where rolname = current_user and not rolsuper and rolconnlimit >= 0
     union all select 'database', datconnlimit from pg_database, pg_roles
       where datname = current_database() and rolname = current_user and not rolsuper and datconnlimit >= 0`,
  );
  const limit = rows.find(({ most }) => most < connections);
  if (limit === undefined) return;
  throw refusal(
    `to take ${connections} connections`,
    `a limit of ${limit.most} for this ${limit.kind}`,
    `ALTER ${limit.kind.toUpperCase()} … CONNECTION LIMIT ${connections}, or run with smaller pools or fewer servers.`,
  );
}
