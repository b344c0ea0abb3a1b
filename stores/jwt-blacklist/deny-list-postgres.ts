import { isSid } from '../jwt/sid.ts';
import { type Ask, openConnections, type PostgresConnections } from '../postgres/connections.ts';
import { postgresFailedLogins } from '../postgres/failed-logins.ts';
import { isStorable } from '../postgres/rows.ts';
import { postgresService } from '../postgres/service.ts';
import { schemaName } from '../postgres/setup.ts';
import { type LoginLimit, type OpenContext, StoreUnavailableError } from '../store.ts';
import { upkeep } from '../upkeep.ts';
import {
  type AdmitResult,
  checkEntry,
  DENY_TOLERANCE_MS,
  type DenyList,
  type ExchangeStatus,
  listLost,
  type NewDenyListEntry,
  newEpoch,
} from './deny-list.ts';
import { LOST_SQLSTATE } from './deny-list-postgres-functions.ts';
import { type DenyListSql, denyListSql } from './deny-list-postgres-schema.ts';

/**
 * The deny list in Postgres. The check on a request's path is one read, pipelined on a separate connection; every other
 * call is a function, atomic under the user's lock.
 *
 * Its epoch is a row of the table of denials, compared by every call. A crash empties an unlogged list (durability
 * 'none') including the epoch, so that every call throws until this server reopens it. At 'second', a crash may lose
 * the last half second of denials while the epoch stays: that is what 'second' means.
 *
 * @throws StoreUnavailableError when it cannot be opened.
 */
export async function openPostgresDenyList(context: OpenContext): Promise<DenyList> {
  const { durability, namespace } = context;
  const unlogged = durability === 'none';
  const schema = schemaName('denials', namespace, unlogged);
  const sql = denyListSql(schema, unlogged, newEpoch(), DENY_TOLERANCE_MS);
  const connections = await openConnections(context, {
    reads: 'pipelined',
    relaxed: false,
    setup: sql.setup,
  });
  try {
    const epoch = String((await connections.read(sql.epoch, [])).rows[0]?.[0]);
    return denyList(context, sql, connections, epoch, schema);
  } catch (error) {
    await connections.close();
    throw error;
  }
}

function denyList(
  context: OpenContext,
  sql: DenyListSql,
  connections: PostgresConnections,
  epoch: string,
  schema: string,
): DenyList {
  const { now } = context;
  const { read } = connections;
  const lost = (operation: string, got: unknown) => listLost(operation, postgresService.name, epoch, got);
  const write = translateLoss(connections.write, lost);

  return {
    epoch,
    async isDenied(sid) {
      if (!isSid(sid)) return true;
      const [found, denied] = (await read(sql.isDenied, [sid])).rows[0] ?? [];
      if (found !== epoch) throw lost('isDenied', found);
      return denied === true;
    },
    async admit(entry, limit) {
      const { rows } = await write(sql.admit, [epoch, now(), ...entryValues(entry, limit)]);
      const result = admitted(rows[0]);
      if (result === undefined)
        throw new Error('expected a login that replaces none to be admitted, got gone');
      return result;
    },
    async rotate(old, next, limit, presentedId) {
      if (!isSid(old.sid) || (presentedId !== undefined && !isSid(presentedId))) return undefined;
      const olds = [old.sid, old.absoluteExpiryMs];
      const values = [epoch, now(), ...olds, ...entryValues(next, limit), presentedId ?? null];
      return admitted((await write(sql.rotate, values)).rows[0]);
    },
    async extend({ sid }, idleExpiryMs) {
      if (!isSid(sid)) return false;
      return (await write(sql.extend, [epoch, sid, idleExpiryMs])).rows[0]?.[0] === true;
    },
    async exchange({ sid, absoluteExpiryMs }, { presentedId, nextId, idleExpiryMs }) {
      if (!isSid(sid) || !isSid(presentedId) || !isSid(nextId)) return 'gone';
      const values = [epoch, now(), sid, absoluteExpiryMs, presentedId, nextId, idleExpiryMs];
      return (await write(sql.exchange, values)).rows[0]?.[0] as ExchangeStatus;
    },
    async deny({ sid, absoluteExpiryMs }, family) {
      if (!isSid(sid)) return false;
      const values = [epoch, sid, absoluteExpiryMs, family === true];
      return (await write(sql.deny, values)).rows[0]?.[0] === true;
    },
    async denyLogin(userId, sid) {
      if (!isSid(sid) || !isStorable(userId)) return false;
      return (await write(sql.denyLogin, [epoch, now(), userId, sid])).rows[0]?.[0] === true;
    },
    async denyUser(userId, exceptSid) {
      if (!isStorable(userId)) return 0;
      const except = isSid(exceptSid) ? exceptSid : null;
      return Number((await write(sql.denyUser, [epoch, now(), userId, except])).rows[0]?.[0]);
    },
    async setDisabled(userId, disabled) {
      if (!isStorable(userId)) return 0;
      return Number((await write(sql.setDisabled, [epoch, now(), userId, disabled])).rows[0]?.[0]);
    },
    async list(userId) {
      if (!isStorable(userId)) return [];
      const { rows } = await read(sql.list, [userId, now()]);
      if (rows[0]?.[0] !== epoch) throw lost('list', rows[0]?.[0]);
      return rows.flatMap(([, sid, createdMs, absoluteExpiryMs]) =>
        typeof sid === 'string'
          ? [{ handle: sid, createdAtMs: Number(createdMs), absoluteExpiryMs: Number(absoluteExpiryMs) }]
          : [],
      );
    },
    async sweep(limit) {
      return Number((await write(sql.sweep, [epoch, now(), limit])).rows[0]?.[0]);
    },
    ...upkeep(context, connections, postgresFailedLogins(connections, schema), (everyMs) => [
      sql.sweepTurn,
      [now(), everyMs],
    ]),
  };
}

/** Replaces the SQL error for a lost list. */
function translateLoss(write: Ask, lost: (operation: string, got: unknown) => Error): Ask {
  return async (statement, values) => {
    try {
      return await write(statement, values);
    } catch (error) {
      const cause: unknown = error instanceof StoreUnavailableError ? error.cause : undefined;
      if (cause instanceof Error && 'code' in cause && cause.code === LOST_SQLSTATE)
        throw lost(statement.name, cause.message);
      throw error;
    }
  };
}

function entryValues(entry: NewDenyListEntry, limit: LoginLimit | undefined): unknown[] {
  const { sid, userId, createdAtMs, idleExpiryMs, absoluteExpiryMs, refreshId } = entry;
  checkEntry(entry);
  const stamps = [createdAtMs, idleExpiryMs, absoluteExpiryMs];
  return [sid, userId ?? null, ...stamps, limit?.cap ?? null, limit?.onCap === 'evict', refreshId ?? null];
}

/** The result of the function `admit`; `undefined` when the old login had been ended. */
function admitted(row: unknown[] | undefined): AdmitResult | undefined {
  const [status, evicted] = row as ['admitted' | 'limit' | 'disabled' | 'gone', string[] | null];
  if (status === 'gone') return undefined;
  return status === 'admitted' ? { status, evicted: evicted ?? [] } : { status };
}
