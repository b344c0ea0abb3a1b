import { RateLimiterPostgres } from 'rate-limiter-flexible';
import { counts, limiterOptions } from '../failed-logins.ts';
import type { CountedInTable } from '../upkeep.ts';
import type { Ask, PostgresConnections, Statement } from './connections.ts';
import { CHURNING, sweepTurn } from './setup.ts';

const TABLE = 'failed_logins';
/** Counts are kept this long after their window, for servers' clocks differ. */
const SWEEP_TOLERANCE_MS = 60_000;

/** SQL that creates the table of counts, its columns in the order that the library writes; for the setup of a store. */
export function failedLoginsTable(schema: string, unlogged: boolean): string {
  return `
create ${unlogged ? 'unlogged table' : 'table'} if not exists ${schema}.${TABLE} (
  key text collate "C" primary key,
  points integer not null,
  expire bigint
) with (${CHURNING});
${sweepTurn(schema, TABLE, 'key', 'expire <= p_now')}`;
}

/**
 * Counts in the table of {@link failedLoginsTable}, over the connections of the store. `sweepTurn` removes expired
 * counts, like the store's own sweeper, once counting starts. Failures are `StoreUnavailableError`.
 */
export function postgresFailedLogins(
  { write, backgroundWrite }: Pick<PostgresConnections, 'write' | 'backgroundWrite'>,
  schema: string,
): CountedInTable {
  const turn = { name: 'sweepFailedLogins', text: `select ${schema}.sweep_${TABLE}(null, $1, $2)` };
  let isUsed = false;
  return {
    failedLogins(rule) {
      isUsed = true;
      const limiter = new RateLimiterPostgres({
        ...limiterOptions('', rule),
        storeClient: asClient(write),
        storeType: 'client',
        // The library adds the quotes itself.
        schemaName: schema.replaceAll('"', ''),
        tableName: TABLE,
        tableCreated: true,
        clearExpiredByTimeout: false,
      });
      return counts(limiter, rule, (_operation, reply) => reply);
    },
    async sweepTurn(everyMs) {
      if (isUsed) await backgroundWrite(turn, [Date.now() - SWEEP_TOLERANCE_MS, everyMs]);
    },
  };
}

/** The part of pg's client that the library uses: its rows are objects, the store's are arrays. */
function asClient(ask: Ask) {
  return {
    async query({ name, text, values }: Statement & { values: readonly unknown[] }) {
      const { rows, fields, rowCount } = await ask({ name, text }, values);
      return {
        rowCount,
        rows: rows.map((row) => Object.fromEntries(fields.map((field, column) => [field.name, row[column]]))),
      };
    },
  };
}
