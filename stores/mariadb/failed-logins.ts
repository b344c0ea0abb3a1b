import { RateLimiterMySQL } from 'rate-limiter-flexible';
import { counts, limiterOptions } from '../failed-logins.ts';
import type { CountedInTable } from '../upkeep.ts';
import type { Ask, MariadbConnections } from './connections.ts';
import { sweeperRow, sweepTurn, table } from './setup.ts';

const TABLE = 'failed_logins';
/** Counts are kept this long after their window, for servers' clocks differ. */
const SWEEP_TOLERANCE_MS = 60_000;

/** The table of counts, its columns in the order that the library writes; its setup is part of a store's. */
export function failedLoginsTable(prefix: string): { table: string; setup: string[] } {
  const columns = `\`key\` varbinary(64) primary key, points int not null, expire bigint`;
  return {
    table: TABLE,
    setup: [
      table(prefix, TABLE, columns),
      sweeperRow(prefix, TABLE),
      sweepTurn(prefix, TABLE, '`key`', 'expire <= p_now').create,
    ],
  };
}

/**
 * Counts in the table of {@link failedLoginsTable}, over the connections of the store. `sweepTurn` removes expired
 * counts, like the store's own sweeper, once counting starts. Failures are `StoreUnavailableError`.
 */
export function mariadbFailedLogins(
  { write, backgroundWrite }: Pick<MariadbConnections, 'write' | 'backgroundWrite'>,
  prefix: string,
): CountedInTable {
  const { name } = sweepTurn(prefix, TABLE, '`key`', 'expire <= p_now');
  const turn = { name: 'sweepFailedLogins', text: `call ${name}(?, ?, ?)` };
  let isUsed = false;
  return {
    failedLogins(rule) {
      isUsed = true;
      const limiter = new RateLimiterMySQL({
        ...limiterOptions('', rule),
        storeClient: asClient(write, `\`${prefix}${TABLE}\``),
        storeType: 'connection',
        tableName: TABLE,
        tableCreated: true,
        clearExpiredByTimeout: false,
      });
      return counts(limiter, rule, (_operation, reply) => reply);
    },
    async sweepTurn(everyMs) {
      if (isUsed) await backgroundWrite(turn, [0, Date.now() - SWEEP_TOLERANCE_MS, everyMs]);
    },
  };
}

type Done = (error: unknown, result?: unknown) => void;

/**
 * The part of a client that the library uses. It writes a count and reads it back in a transaction; the write is one
 * statement, and a count that others have raised meanwhile is as good, so each statement stands alone here.
 */
function asClient(ask: Ask, table: string) {
  return {
    query(text: string, ...rest: [values: readonly unknown[], done: Done] | [done: Done]): void {
      const done = rest.at(-1) as Done;
      if (text === 'BEGIN' || text === 'COMMIT') {
        done(null);
        return;
      }
      // The first two values are the names of database and table.
      const values = (rest[0] as readonly unknown[]).slice(2);
      const name = /^\s*(\w+)/.exec(text)?.[1]?.toLowerCase() ?? 'count';
      ask(
        { name: `${name}FailedLogins`, text: text.replace('??.??', table).replace(/;\s*$/, '') },
        values,
      ).then(({ rows, affectedRows }) => {
        const found = rows.map(([points, expire]) => ({ points, expire }));
        done(null, name === 'select' ? found : { affectedRows });
      }, done);
    },
    /** The library calls it after an error, which has ended the statement here. */
    rollback: () => undefined,
  };
}
