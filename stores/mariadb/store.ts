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
import { type MariadbConnections, openConnections } from './connections.ts';
import { mariadbFailedLogins } from './failed-logins.ts';
import { handlesOf, type SessionRow, toSession, userOf } from './rows.ts';
import { type SessionSql, sessionSql } from './schema.ts';
import { prefixOf } from './setup.ts';

/** Opens the store in the MariaDB of the context. @throws StoreUnavailableError when MariaDB is not available. */
export async function openMariadbStore(context: OpenContext): Promise<SessionStore> {
  const { options, durability, namespace } = context;
  const isLost = durability === 'none';
  const prefix = prefixOf(namespace, isLost);
  const { setup, begin, ...sql } = sessionSql(prefix, isLost);
  const connections = await openConnections(context, {
    driver: options['driver'] === 'mysql2' ? 'mysql2' : 'mariadb',
    setup,
    ...(begin === undefined ? {} : { begin }),
  });
  const live = liveParameters(context);
  return {
    ...beginCalls(context, sql, connections),
    ...sessionCalls(context, sql, connections),
    users: userIndex(context, sql, connections),
    ...upkeep(context, connections, mariadbFailedLogins(connections, prefix), (everyMs) => [
      sql.sweepTurn,
      [...live(), everyMs],
    ]),
    async sweep(limit) {
      return Number((await connections.write(sql.sweep, [...live(), limit])).rows[0]?.[0]);
    },
    /** Rows: exact up to 10,000, an estimate beyond. Not for a hot path. */
    async stats() {
      return { sessions: Number((await connections.write(sql.stats, [])).rows[0]?.[0]) };
    },
  };
}

type Sql = Omit<SessionSql, 'setup' | 'begin'>;
type BeginCalls = Pick<SessionStore, 'create' | 'rotate'>;
type SessionCalls = Pick<SessionStore, 'read' | 'update' | 'touch' | 'destroy'>;

/** What a statement needs besides the data, in a packet that MariaDB takes. */
const OTHER_BYTES = 1_024;

const fits = (data: Buffer | null, { maxPacketBytes }: MariadbConnections) =>
  data === null || data.length + OTHER_BYTES <= maxPacketBytes;

/** The two calls that begin a session under a fresh token. */
function beginCalls(context: OpenContext, sql: Sql, connections: MariadbConnections): BeginCalls {
  const { write } = connections;
  const live = liveParameters(context);
  const absoluteMs = context.absoluteSeconds * 1000;

  /** Uses the procedure: for a limit, or a rotation. */
  async function login(
    old: Buffer | null,
    { userId, role, data }: RotatePatch,
    limit: LoginLimit | undefined,
  ): Promise<CreateResult | { status: 'gone' }> {
    const user = userId === undefined ? null : userOf(userId);
    const bytes = bytesOf(data);
    if (user === undefined || !fits(bytes, connections)) return { status: 'too-large' };
    const [idleSinceMs, nowMs] = live();
    const { id, token } = freshToken();
    const times = [nowMs, idleSinceMs, nowMs + absoluteMs];
    const limits = [limit?.cap ?? null, limit?.onCap === 'evict'];
    const { rows } = await write(sql.login, [old, id, user, role ?? null, bytes, ...times, ...limits]);
    const [status, evicted] = rows[0] as ['created' | 'limit' | 'disabled' | 'gone', Buffer | null];
    return status === 'created' ? { status, token, evicted: handlesOf(evicted) } : { status };
  }

  return {
    async create(session, limit) {
      const { userId, role } = session;
      if (userId !== undefined && limit !== undefined) {
        const result = await login(null, session, limit);
        if (result.status === 'gone')
          throw new Error('expected a login that replaces none to be created, got gone');
        return result;
      }
      const [{ id, token }, data, nowMs] = [freshToken(), bytesOf(session.data), context.now()];
      const user = userId === undefined ? null : userOf(userId);
      if (user === undefined || !fits(data, connections)) return { status: 'too-large' };
      const times = [nowMs, nowMs, nowMs + absoluteMs];
      if (user === null) {
        await write(sql.create, [id, role, data, ...times]);
        return { status: 'created', token, evicted: [] };
      }
      const { affectedRows } = await write(sql.createLogin, [id, user, role, data, ...times, user, user]);
      return affectedRows === 1 ? { status: 'created', token, evicted: [] } : { status: 'disabled' };
    },
    async rotate(token, patch, limit) {
      const old = rowId(token);
      if (old === undefined) return undefined;
      const result = await login(old, patch, limit);
      return result.status === 'gone' ? undefined : result;
    },
  };
}

function sessionCalls(context: OpenContext, sql: Sql, connections: MariadbConnections): SessionCalls {
  const { read, write } = connections;
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
      const bytes = bytesOf(data);
      if (!fits(bytes, connections)) return { status: 'too-large' };
      if (!compareAndSwap || version === undefined) {
        const { affectedRows, insertId } = await write(sql.update, [bytes, id, ...live()]);
        return affectedRows === 1 ? { status: 'ok', version: insertId } : { status: 'gone' };
      }
      const { affectedRows } = await write(sql.updateIfVersion, [bytes, id, ...live(), version]);
      if (affectedRows === 1) return { status: 'ok', version: version + 1 };
      // Only queried now: every update would pay for a statement that distinguishes the two.
      const alive = (await write(sql.isLive, [id, ...live()])).rows.length === 1;
      return { status: alive ? 'conflict' : 'gone' };
    },
    async touch(token) {
      const id = rowId(token);
      if (id === undefined) return undefined;
      const [idleSinceMs, nowMs] = live();
      const { affectedRows } = await write(sql.touch, [nowMs, id, idleSinceMs, nowMs]);
      return affectedRows === 1 ? {} : undefined;
    },
    async destroy(token) {
      const id = rowId(token);
      if (id === undefined) return false;
      if ((await write(sql.destroy, [id, ...live()])).affectedRows === 1) return true;
      await write(sql.destroyExpired, [id]);
      return false;
    },
  };
}

function userIndex(context: OpenContext, sql: Sql, { read, write }: MariadbConnections): UserIndex {
  const live = liveParameters(context);

  return {
    async destroyLogin(userId, handle) {
      const [id, user] = [idOfHandle(handle), userOf(userId)];
      if (id === undefined || user === undefined) return false;
      if ((await write(sql.destroyLogin, [id, ...live(), user])).affectedRows === 1) return true;
      await write(sql.destroyExpiredLogin, [id, user]);
      return false;
    },
    async revoke(userId, except) {
      const user = userOf(userId);
      if (user === undefined) return 0;
      const keep = except === undefined ? undefined : rowId(except);
      return Number((await write(sql.revokeUser, [user, keep ?? null, ...live()])).rows[0]?.[0]);
    },
    async setDisabled(userId, disabled) {
      const user = userOf(userId);
      if (user === undefined) return 0;
      return Number((await write(sql.setDisabled, [user, disabled, ...live()])).rows[0]?.[0]);
    },
    async list(userId) {
      const user = userOf(userId);
      if (user === undefined) return [];
      const { rows } = await read(sql.listUser, [user, ...live()]);
      return rows.map(([id, createdAtMs, absoluteExpiryMs]) => ({
        handle: handleOf(id as Buffer),
        createdAtMs: Number(createdAtMs),
        absoluteExpiryMs: Number(absoluteExpiryMs),
      }));
    },
  };
}
