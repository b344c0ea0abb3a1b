import type { CreateResult, LoginLimit, OpenContext, SessionStore, UserIndex } from '../store.ts';
import { openRedis, type RedisConnection } from './connection.ts';
import { redisFailedLogins } from './failed-logins.ts';
import { moveSession } from './rotation.ts';
import { SESSION_SCRIPTS } from './scripts.ts';
import { oneSpace, type Place, type Spaces, taggedSpaces } from './spaces.ts';
import { decodeValue, encodeData, encodeRole, encodeUser, encodeValue, stamp } from './value.ts';

/** Opens the store on the Redis of the context. @throws StoreUnavailableError when Redis is not available. */
export async function openRedisStore(context: OpenContext): Promise<SessionStore> {
  const connection = await openRedis(context, SESSION_SCRIPTS);
  const spaces = (connection.isCluster ? taggedSpaces : oneSpace)(context.namespace);
  return {
    ...sessionMethods(context, connection, spaces),
    users: userIndex(context, connection, spaces),
    failedLogins: redisFailedLogins(connection, context.namespace),
    async stats() {
      // Counts every key, including one index per logged-in user, and other arms on the same Redis.
      return { sessions: await connection.keys('stats') };
    },
    roundTrips: connection.roundTrips,
    close: () => connection.close(),
  };
}

type SessionMethods = Pick<SessionStore, 'create' | 'read' | 'update' | 'touch' | 'rotate' | 'destroy'>;

function sessionMethods(context: OpenContext, connection: RedisConnection, spaces: Spaces): SessionMethods {
  const { client } = connection;
  const idleMs = context.idleSeconds * 1000;
  const touchIntervalMs = context.touchIntervalSeconds * 1000;
  const renews = context.options['read'] === 'getex';
  const compareAndSwap = context.options['write'] !== 'lww';
  const now = () => Math.floor(context.now());

  /** Registers a session of a user in its place; the reply of the script. */
  function register(operation: string, { id, space }: Place, value: string, user: string, bounds: Bounds) {
    const keys = [space.sessions + id, `${space.name}:u:${user}`, `${space.name}:d:${user}`];
    const { at, absoluteExpiryMs, limit } = bounds;
    const args = [at, idleMs, absoluteExpiryMs, limit?.cap ?? 0, limit?.onCap ?? ''];
    return connection.run(operation, 'createSession', ...keys, id, value, space.sessions, ...args);
  }

  return {
    async create(session, limit) {
      const at = now();
      const user = encodeUser(session.userId);
      const place = spaces.begin(user);
      const absoluteExpiryMs = at + context.absoluteSeconds * 1000;
      const times = { createdAtMs: at, touchedAtMs: at, absoluteExpiryMs };
      const value = encodeValue({ ...session, version: 1, ...times });
      if (user === '') {
        const ttlMs = Math.min(idleMs, absoluteExpiryMs - at);
        const key = place.space.sessions + place.id;
        await connection.ask('create', client.set(key, value, 'PX', ttlMs));
        return { status: 'created', token: place.token, evicted: [] };
      }
      const bounds = { at, absoluteExpiryMs, limit };
      return created(await register('create', place, value, user, bounds), place.token);
    },

    async read(token) {
      const place = spaces.placeOf(token);
      if (place === undefined) return undefined;
      const key = place.space.sessions + place.id;
      const value = await connection.ask('read', renews ? client.getex(key, 'PX', idleMs) : client.get(key));
      if (value === null) return undefined;
      const at = now();
      const { touchedAtMs, ...state } = decodeValue(value);
      if (at >= touchedAtMs + idleMs || at >= state.absoluteExpiryMs) return undefined;
      return { handle: place.id, ...state, touchDue: at - touchedAtMs >= touchIntervalMs };
    },

    async update(token, data, version) {
      const place = spaces.placeOf(token);
      if (place === undefined) return { status: 'gone' };
      const expected = compareAndSwap ? (version ?? '') : '';
      const { encoding, text } = encodeData(data);
      const args = [place.space.sessions + place.id, now(), idleMs, expected, encoding, text];
      const reply = Number(await connection.run('update', 'updateSession', ...args));
      if (reply > 0) return { status: 'ok', version: reply };
      return { status: reply === 0 ? 'gone' : 'conflict' };
    },

    async touch(token) {
      const place = spaces.placeOf(token);
      if (place === undefined) return undefined;
      const key = place.space.sessions + place.id;
      return (await connection.run('touch', 'touchSession', key, stamp(now()), idleMs)) === 1
        ? {}
        : undefined;
    },

    async rotate(token, patch, limit) {
      const old = spaces.placeOf(token);
      if (old === undefined) return undefined;
      const at = now();
      const user = encodeUser(patch.userId);
      const next = spaces.begin(user, old.space);
      if (next.space.name !== old.space.name) {
        const keepsData = patch.data === undefined;
        const reply = await moveSession(connection, { old, next, nowMs: at, idleMs, keepsData, create });
        return reply === undefined ? undefined : created(reply, next.token);
      }
      const role = patch.role === undefined ? '' : encodeRole(patch.role);
      const data = patch.data === undefined ? { encoding: '', text: '' } : encodeData(patch.data);
      const keys = [old.space.sessions + old.id, next.space.sessions + next.id];
      const ids = [old.id, next.id, old.space.name];
      const bounds = [stamp(at), idleMs, limit?.cap ?? 0, limit?.onCap ?? ''];
      const changes = [user, role, data.encoding, data.text];
      const reply = await connection.run('rotate', 'rotateSession', ...keys, ...ids, ...bounds, ...changes);
      return Array.isArray(reply) && reply[0] === 'gone' ? undefined : created(reply, next.token);

      function create(stored: string): Promise<unknown> {
        const session = decodeValue(stored);
        const { userId, role = session.role, data = session.data } = patch;
        const value = encodeValue({ ...session, userId, role, data, touchedAtMs: at });
        const { absoluteExpiryMs } = session;
        return register('rotate', next, value, user, { at, absoluteExpiryMs, limit });
      }
    },

    async destroy(token) {
      const place = spaces.placeOf(token);
      if (place === undefined) return false;
      const { id, space } = place;
      const args = [space.sessions + id, `${space.name}:u:`, id, now(), idleMs];
      return (await connection.run('destroy', 'destroySession', ...args)) === 1;
    },
  };
}

interface Bounds {
  at: number;
  absoluteExpiryMs: number;
  limit: LoginLimit | undefined;
}

function userIndex(context: OpenContext, connection: RedisConnection, spaces: Spaces): UserIndex {
  const idleMs = context.idleSeconds * 1000;
  const now = () => Math.floor(context.now());
  /** The keys of a user's logins and of the mark that it is disabled, one that never exists (scripts.ts); its sessions. */
  function keysOf(userId: string) {
    const user = encodeUser(userId);
    const { name, sessions } = spaces.ofUser(user);
    return { index: `${name}:u:${user}`, disabled: `${name}:d:${user}`, absent: `${name}:absent`, sessions };
  }

  async function revoke(operation: string, userId: string, except: string, mark: string): Promise<number> {
    const { index, disabled, absent, sessions } = keysOf(userId);
    const args = [index, disabled, absent, sessions, now(), idleMs, except, mark];
    return Number(await connection.run(operation, 'revokeUser', ...args));
  }

  return {
    async destroyLogin(userId, handle) {
      const { index, sessions } = keysOf(userId);
      const args = [index, sessions + handle, sessions, handle, now(), idleMs];
      return (await connection.run('destroyLogin', 'destroyLogin', ...args)) === 1;
    },
    revoke: (userId, except) =>
      revoke('revokeUser', userId, except === undefined ? '' : (spaces.placeOf(except)?.id ?? ''), ''),
    setDisabled: (userId, disabled) => revoke('setDisabled', userId, '', disabled ? 'disable' : 'enable'),
    async list(userId) {
      const { index, absent, sessions } = keysOf(userId);
      const reply = await connection.run('listUser', 'listUser', index, absent, sessions, now(), idleMs);
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
