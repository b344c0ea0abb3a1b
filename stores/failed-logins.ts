import { hash } from 'node:crypto';
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterPostgres,
  RateLimiterRedis,
} from 'rate-limiter-flexible';
import type { Ask, PostgresConnections, Statement } from './postgres-connections.ts';
import { CHURNING, sweepTurn } from './postgres-setup.ts';
import type { RedisConnection } from './redis-connection.ts';
import { type FailedLoginRule, type FailedLogins, StoreUnavailableError } from './store.ts';

/*
 * Failed logins by account (ASVS 5 V6.3.1), counted by rate-limiter-flexible where a backend keeps its state. Nothing
 * is made, asked or scheduled before a backend's `failedLogins` is called.
 */

type CountFailedLogins = (rule: FailedLoginRule) => FailedLogins;

/** A timer of Node waits no longer than 2^31 - 1 ms; what is set to more fires at once. */
const LONGEST_WINDOW_SECONDS = 24 * 86_400;

/** Counts in this process: other servers know nothing of them. `close` forgets them, and ends their timers. */
export function memoryFailedLogins(): { failedLogins: CountFailedLogins; close(): Promise<void> } {
  const limiters: RateLimiterMemory[] = [];
  return {
    failedLogins(rule) {
      const limiter = new RateLimiterMemory(limiterOptions('', rule));
      limiters.push(limiter);
      return counts(limiter, rule, (_operation, reply) => reply);
    },
    async close() {
      // The library keeps a timer for each account, and ends it only with the count.
      for (const limiter of limiters.splice(0))
        for (const { key } of limiter.dump().storage) await limiter.delete(key);
    },
  };
}

/** Counts in Redis, one key for each account, which Redis expires. Failures are `StoreUnavailableError`. */
export function redisFailedLogins(connection: RedisConnection, namespace: string): CountFailedLogins {
  return (rule) => {
    const limiter = new RateLimiterRedis({
      ...limiterOptions(`${namespace}:f`, rule),
      storeClient: connection.client,
      rejectIfRedisNotReady: true,
    });
    return counts(limiter, rule, connection.ask);
  };
}

const TABLE = 'failed_logins';
/** Counts are removed so long after their window: the clocks of servers differ. */
const SWEEP_TOLERANCE_MS = 60_000;

/** SQL that makes the table of counts, its columns in the order that the library writes; for the setup of a store. */
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
 * Counts in the table of {@link failedLoginsTable}, over the connections of the store. `sweepTurn` removes what is
 * over, as the store's own sweeper does, once anybody counts. Failures are `StoreUnavailableError`.
 */
export function postgresFailedLogins(
  { write, backgroundWrite }: Pick<PostgresConnections, 'write' | 'backgroundWrite'>,
  schema: string,
): { failedLogins: CountFailedLogins; sweepTurn(everyMs: number): Promise<void> } {
  const turn = { name: 'sweepFailedLogins', text: `select ${schema}.sweep_${TABLE}(null, $1, $2)` };
  let isUsed = false;
  return {
    failedLogins(rule) {
      isUsed = true;
      const limiter = new RateLimiterPostgres({
        ...limiterOptions('', rule),
        storeClient: asClient(write),
        storeType: 'client',
        // The library quotes it by itself.
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

/** As much of a client of pg as the library uses: its rows are objects, ours are arrays. */
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

/** @throws RangeError for what the library or a service would quietly take for something else, such as "for ever". */
function limiterOptions(keyPrefix: string, { limit, windowSeconds }: FailedLoginRule) {
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new RangeError(`expected a limit on failed logins of 1 or more, got ${limit}`);
  if (!Number.isInteger(windowSeconds) || windowSeconds < 1 || windowSeconds > LONGEST_WINDOW_SECONDS)
    throw new RangeError(
      `expected a window of failed logins of 1 to ${LONGEST_WINDOW_SECONDS} whole seconds, got ${windowSeconds}`,
    );
  return { keyPrefix, points: limit, duration: windowSeconds };
}

/** @param ask gives a failure of the place its name, where that has not been done. */
function counts(
  limiter: RateLimiterAbstract,
  { limit }: FailedLoginRule,
  ask: <T>(operation: string, reply: Promise<T>) => Promise<T>,
): FailedLogins {
  return {
    async isOver(userId) {
      const found = await ask('isOver', limiter.get(accountOf(userId)));
      if (found === null) return false;
      // No number would be less than any limit.
      if (!Number.isFinite(found.consumedPoints))
        throw new StoreUnavailableError(
          'isOver',
          new TypeError('expected a count of failed logins, got none'),
        );
      return found.consumedPoints >= limit;
    },
    // Not `consume`, which rejects beyond the limit.
    async add(userId) {
      await ask('addFailedLogin', limiter.penalty(accountOf(userId)));
    },
    async clear(userId) {
      await ask('clearFailedLogins', limiter.delete(accountOf(userId)));
    },
  };
}

/**
 * An account as a key: one length and harmless letters, whatever was typed as a name. Hashed as UTF-16, for in UTF-8
 * all halves of surrogate pairs are the same.
 */
function accountOf(userId: string): string {
  return hash('sha256', Buffer.from(userId, 'utf16le'), 'base64url');
}
