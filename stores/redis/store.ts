import type { CreateResult, OpenContext, SessionStore, UserIndex } from '../store.ts';
import { idOfToken, newTokenWithId } from '../token.ts';
import { openRedis, type RedisConnection } from './connection.ts';
import { redisFailedLogins } from './failed-logins.ts';
import { SESSION_SCRIPTS } from './scripts.ts';
import { decodeValue, encodeData, encodeRole, encodeUser, encodeValue, stamp } from './value.ts';

/** Opens the store on the Redis of the context. @throws StoreUnavailableError when Redis is not available. */
export async function openRedisStore(context: OpenContext): Promise<SessionStore> {
  const connection = await openRedis(context, SESSION_SCRIPTS);
  return {
    ...sessionMethods(context, connection),
    users: userIndex(context, connection),
    failedLogins: redisFailedLogins(connection, context.namespace),
    async stats() {
      // Counts every key, including one index per logged-in user, and other arms on the same Redis.
      const sessions = await connection.ask('stats', connection.client.dbsize());
      return { sessions };
    },
    roundTrips: connection.roundTrips,
    close: () => connection.close(),
  };
}

type SessionMethods = Pick<SessionStore, 'create' | 'read' | 'update' | 'touch' | 'rotate' | 'destroy'>;

function sessionMethods(context: OpenContext, connection: RedisConnection): SessionMethods {
  const { client } = connection;
  const { namespace } = context;
  const idleMs = context.idleSeconds * 1000;
  const touchIntervalMs = context.touchIntervalSeconds * 1000;
  const sessions = `${namespace}:s:`;
  const renews = context.options['read'] === 'getex';
  const compareAndSwap = context.options['write'] !== 'lww';
  const now = () => Math.floor(context.now());

  return {
    async create(session, limit) {
      const at = now();
      const { token, id } = newTokenWithId();
      const absoluteExpiryMs = at + context.absoluteSeconds * 1000;
      const { userId } = session;
      const times = { createdAtMs: at, touchedAtMs: at, absoluteExpiryMs };
      const value = encodeValue({ ...session, version: 1, ...times });
      if (userId === undefined) {
        const ttlMs = Math.min(idleMs, absoluteExpiryMs - at);
        await connection.ask('create', client.set(sessions + id, value, 'PX', ttlMs));
        return { status: 'created', token, evicted: [] };
      }
      const user = encodeUser(userId);
      const keys = [sessions + id, `${namespace}:u:${user}`, `${namespace}:d:${user}`];
      const bounds = [at, idleMs, absoluteExpiryMs, limit?.cap ?? 0, limit?.onCap ?? ''];
      const reply = await connection.run('create', 'createSession', ...keys, id, value, sessions, ...bounds);
      return created(reply, token);
    },

    async read(token) {
      const id = idOfToken(token);
      if (id === undefined) return undefined;
      const key = sessions + id;
      const value = await connection.ask('read', renews ? client.getex(key, 'PX', idleMs) : client.get(key));
      if (value === null) return undefined;
      const at = now();
      const { touchedAtMs, ...state } = decodeValue(value);
      if (at >= touchedAtMs + idleMs || at >= state.absoluteExpiryMs) return undefined;
      return { handle: id, ...state, touchDue: at - touchedAtMs >= touchIntervalMs };
    },

    async update(token, data, version) {
      const id = idOfToken(token);
      if (id === undefined) return { status: 'gone' };
      const expected = compareAndSwap ? (version ?? '') : '';
      const { encoding, text } = encodeData(data);
      const args = [sessions + id, now(), idleMs, expected, encoding, text];
      const reply = Number(await connection.run('update', 'updateSession', ...args));
      if (reply > 0) return { status: 'ok', version: reply };
      return { status: reply === 0 ? 'gone' : 'conflict' };
    },

    async touch(token) {
      const id = idOfToken(token);
      if (id === undefined) return undefined;
      const reply = await connection.run('touch', 'touchSession', sessions + id, stamp(now()), idleMs);
      return reply === 1 ? {} : undefined;
    },

    async rotate(token, patch, limit) {
      const id = idOfToken(token);
      if (id === undefined) return undefined;
      const { token: nextToken, id: nextId } = newTokenWithId();
      const role = patch.role === undefined ? '' : encodeRole(patch.role);
      const data = patch.data === undefined ? { encoding: '', text: '' } : encodeData(patch.data);
      const keys = [sessions + id, sessions + nextId, id, nextId, namespace];
      const bounds = [stamp(now()), idleMs, limit?.cap ?? 0, limit?.onCap ?? ''];
      const changes = [encodeUser(patch.userId), role, data.encoding, data.text];
      const reply = await connection.run('rotate', 'rotateSession', ...keys, ...bounds, ...changes);
      return Array.isArray(reply) && reply[0] === 'gone' ? undefined : created(reply, nextToken);
    },

    async destroy(token) {
      const id = idOfToken(token);
      if (id === undefined) return false;
      const args = [sessions + id, `${namespace}:u:`, id, now(), idleMs];
      return (await connection.run('destroy', 'destroySession', ...args)) === 1;
    },
  };
}

function userIndex(context: OpenContext, connection: RedisConnection): UserIndex {
  const { namespace } = context;
  const idleMs = context.idleSeconds * 1000;
  const sessions = `${namespace}:s:`;
  const now = () => Math.floor(context.now());
  const index = (userId: string) => `${namespace}:u:${encodeUser(userId)}`;

  async function revoke(operation: string, userId: string, except: string, mark: string): Promise<number> {
    const keys = [index(userId), `${namespace}:d:${encodeUser(userId)}`];
    const args = [sessions, now(), idleMs, except, mark];
    return Number(await connection.run(operation, 'revokeUser', ...keys, ...args));
  }

  return {
    async destroyLogin(userId, handle) {
      const args = [index(userId), sessions, handle, now(), idleMs];
      return (await connection.run('destroyLogin', 'destroyLogin', ...args)) === 1;
    },
    revoke: (userId, except) =>
      revoke('revokeUser', userId, except === undefined ? '' : (idOfToken(except) ?? ''), ''),
    setDisabled: (userId, disabled) => revoke('setDisabled', userId, '', disabled ? 'disable' : 'enable'),
    async list(userId) {
      const reply = await connection.run('listUser', 'listUser', index(userId), sessions, now(), idleMs);
      const flat = reply as string[];
      return Array.from({ length: flat.length / 2 }, (_, i) => {
        const { createdAtMs, absoluteExpiryMs } = decodeValue(flat[2 * i + 1] ?? '');
        return { handle: flat[2 * i] ?? '', createdAtMs, absoluteExpiryMs };
      });
    },
  };
}

/** A script's reply: the status, then the evicted ids. */
function created(reply: unknown, token: string): CreateResult {
  const [status, ...evicted] = reply as ['created' | 'limit' | 'disabled', ...string[]];
  return status === 'created' ? { status, token, evicted } : { status };
}
