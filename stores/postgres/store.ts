import { bytesOf, freshToken, handleOf, idOfHandle, liveParameters, rowId } from '../rows.ts';
import type {
  CreateResult,
  LoginLimit,
  OpenContext,
  RotatePatch,
  SessionStore,
  UserIndex,
} from '../store.ts';
import { idOfToken } from '../token.ts';
import { upkeep } from '../upkeep.ts';
import { openConnections, type PostgresConnections } from './connections.ts';
import { postgresFailedLogins } from './failed-logins.ts';
import { isStorable, type SessionRow, toSession } from './rows.ts';
import { type SessionSql, sessionSql } from './schema.ts';
import { schemaName } from './setup.ts';

/** Opens the store in the Postgres of the context. @throws StoreUnavailableError when Postgres is not available. */
export async function openPostgresStore(context: OpenContext): Promise<SessionStore> {
  const { options, durability, namespace } = context;
  const unlogged = durability === 'none';
  const schema = schemaName('sessions', namespace, unlogged);
  const sql = sessionSql(schema, unlogged);
  const connections = await openConnections(context, {
    reads: options['reads'] === 'pool' ? 'pool' : 'pipelined',
    relaxed: options['touch'] === 'async',
    setup: sql.setup,
  });
  const live = liveParameters(context);
  return {
    ...beginCalls(context, sql, connections),
    ...sessionCalls(context, sql, connections),
    users: userIndex(context, sql, connections),
    ...upkeep(context, connections, postgresFailedLogins(connections, schema), (everyMs) => [
      sql.sweepTurn,
      [...live(), everyMs],
    ]),
    async sweep(limit) {
      return (await connections.write(sql.sweep, [...live(), limit])).rowCount ?? 0;
    },
    /** Rows: exact up to 10,000, an estimate beyond. Not for a hot path. */
    async stats() {
      const { rows } = await connections.write(sql.stats, []);
      return { sessions: Number(rows[0]?.[0]) };
    },
  };
}

type BeginCalls = Pick<SessionStore, 'create' | 'rotate'>;
type SessionCalls = Pick<SessionStore, 'read' | 'update' | 'touch' | 'destroy'>;

/** The two calls that begin a session under a fresh token. */
function beginCalls(context: OpenContext, sql: SessionSql, { write }: PostgresConnections): BeginCalls {
  const live = liveParameters(context);
  const absoluteMs = context.absoluteSeconds * 1000;

  /** Uses the function, for a login may be refused: the user is disabled, or has too many logins. */
  async function login(
    old: Buffer | null,
    { userId, role, data }: RotatePatch,
    limit: LoginLimit | undefined,
  ): Promise<CreateResult | { status: 'gone' }> {
    const [idleSinceMs, nowMs] = live();
    const { id, token } = freshToken();
    const times = [nowMs, idleSinceMs, nowMs + absoluteMs];
    const limits = [limit?.cap ?? null, limit?.onCap === 'evict'];
    const { rows } = await write(sql.login, [
      old,
      id,
      userId ?? null,
      role ?? null,
      bytesOf(data),
      ...times,
      ...limits,
    ]);
    const [status, evicted] = rows[0] as ['created' | 'limit' | 'disabled' | 'gone', Buffer[] | null];
    return status === 'created' ? { status, token, evicted: (evicted ?? []).map(handleOf) } : { status };
  }

  return {
    async create(session, limit) {
      if (session.userId !== undefined) {
        const result = await login(null, session, limit);
        if (result.status === 'gone')
          throw new Error('expected a login that replaces none to be created, got gone');
        return result;
      }
      const { id, token } = freshToken();
      const nowMs = context.now();
      await write(sql.create, [id, session.role, bytesOf(session.data), nowMs, nowMs + absoluteMs]);
      return { status: 'created', token, evicted: [] };
    },
    async rotate(token, patch, limit) {
      const old = rowId(token);
      if (old === undefined) return undefined;
      const result = await login(old, patch, limit);
      return result.status === 'gone' ? undefined : result;
    },
  };
}

function sessionCalls(
  context: OpenContext,
  sql: SessionSql,
  { read, write, relaxedWrite }: PostgresConnections,
): SessionCalls {
  const live = liveParameters(context);
  const touchIntervalMs = context.touchIntervalSeconds * 1000;
  const compareAndSwap = context.options['write'] !== 'lww';

  return {
    async read(token) {
      const handle = idOfToken(token);
      if (handle === undefined) return undefined;
      const [idleSinceMs, nowMs] = live();
      const { rows } = await read(sql.read, [Buffer.from(handle, 'base64url'), idleSinceMs, nowMs]);
      const row = rows[0] as SessionRow | undefined;
      return row === undefined ? undefined : toSession(handle, row, nowMs - touchIntervalMs);
    },
    async update(token, data, version) {
      const id = rowId(token);
      if (id === undefined) return { status: 'gone' };
      const compare = compareAndSwap && version !== undefined;
      const { rows } = compare
        ? await write(sql.updateIfVersion, [id, ...live(), bytesOf(data), version])
        : await write(sql.update, [id, ...live(), bytesOf(data)]);
      if (rows[0] !== undefined) return { status: 'ok', version: rows[0][0] as number };
      if (!compare) return { status: 'gone' };
      // Only queried now: a CTE that distinguishes the two would cost every update, and would read a snapshot older
      // than the conflicting update.
      const alive = (await write(sql.isLive, [id, ...live()])).rowCount === 1;
      return { status: alive ? 'conflict' : 'gone' };
    },
    async touch(token) {
      const id = rowId(token);
      if (id === undefined) return undefined;
      const { rowCount } = await relaxedWrite(sql.touch, [id, ...live()]);
      return rowCount === 1 ? {} : undefined;
    },
    async destroy(token) {
      const id = rowId(token);
      if (id === undefined) return false;
      return (await write(sql.destroy, [id, ...live()])).rows[0]?.[0] === true;
    },
  };
}

function userIndex(context: OpenContext, sql: SessionSql, { read, write }: PostgresConnections): UserIndex {
  const live = liveParameters(context);

  return {
    async destroyLogin(userId, handle) {
      const id = idOfHandle(handle);
      if (!isStorable(userId) || id === undefined) return false;
      return (await write(sql.destroyLogin, [id, ...live(), userId])).rows[0]?.[0] === true;
    },
    async revoke(userId, except) {
      if (!isStorable(userId)) return 0;
      const keep = except === undefined ? undefined : rowId(except);
      return Number((await write(sql.revokeUser, [userId, keep ?? null, ...live()])).rows[0]?.[0]);
    },
    async setDisabled(userId, disabled) {
      if (!isStorable(userId)) return 0;
      return Number((await write(sql.setDisabled, [userId, disabled, ...live()])).rows[0]?.[0]);
    },
    async list(userId) {
      if (!isStorable(userId)) return [];
      const { rows } = await read(sql.listUser, [userId, ...live()]);
      return rows.map(([id, createdMs, absoluteExpiryMs]) => ({
        handle: handleOf(id as Buffer),
        createdAtMs: Number(createdMs),
        absoluteExpiryMs: Number(absoluteExpiryMs),
      }));
    },
  };
}
