/**
 * Faults of a store, each a realistic mistake, to prove that the model detects them. They change the behaviour of an
 * open store; those that need a service are in bench/conformance/fixtures.
 */

import type {
  Capabilities,
  CreateResult,
  Login,
  LoginLimit,
  OpenContext,
  SessionStore,
  StoreDefinition,
  UserIndex,
} from '../store.ts';
import type { WrapStore } from './model-run.ts';
import { offered } from './offered.ts';

/** Updates regardless of the version. */
export const ignoresVersion: WrapStore = (store) => ({
  ...store,
  update: (token, data) => store.update(token, data),
});

/** The token from before a login or a change of privilege opens the session after it. */
export const keepsRotated: WrapStore = (store) => {
  const next = new Map<string, string>();
  return {
    ...store,
    async rotate(token, patch, limit) {
      const result = await store.rotate(token, patch, limit);
      if (result?.status === 'created') next.set(token, result.token);
      return result;
    },
    read: (token) => store.read(next.get(token) ?? token),
  };
};

const beyond = (limit?: LoginLimit) => limit && { ...limit, cap: limit.cap + 1 };

/** Allows one login too many. */
export const allowsOneMore: WrapStore = (store) => ({
  ...store,
  create: (session, limit) => store.create(session, beyond(limit)),
  rotate: (token, patch, limit) => store.rotate(token, patch, beyond(limit)),
});

/** Evicts the newest login. */
export const evictsNewest: WrapStore = (store) => {
  const users = offered(store, 'users');
  return {
    ...store,
    async create(session, limit): Promise<CreateResult> {
      const { userId } = session;
      if (userId === undefined || limit?.onCap !== 'evict') return store.create(session, limit);
      const excess = Math.max(0, (await users.list(userId)).length + 1 - limit.cap);
      const result = await store.create(session);
      if (result.status !== 'created' || excess === 0) return result;
      const own = (await store.read(result.token))?.handle;
      const others = (await users.list(userId)).filter(({ handle }) => handle !== own);
      const evicted = others.slice(-excess).map(({ handle }) => handle);
      for (const handle of evicted) await users.destroyLogin(userId, handle);
      return { ...result, evicted };
    },
  };
};

function withUsers(change: (users: UserIndex, store: SessionStore) => Partial<UserIndex>): WrapStore {
  return (store) => {
    const users = offered(store, 'users');
    return { ...store, users: { ...users, ...change(users, store) } };
  };
}

/** Disabled users cannot log in, but their logins stay. Only for a store that no other server shares. */
export const keepsDisabled: WrapStore = (store) => {
  const users = offered(store, 'users');
  const disabled = new Set<string>();
  const isRefused = (userId: string | undefined) => userId !== undefined && disabled.has(userId);
  return {
    ...store,
    create: async (session, limit) =>
      isRefused(session.userId) ? { status: 'disabled' } : store.create(session, limit),
    async rotate(token, patch, limit) {
      const session = await store.read(token);
      if (session !== undefined && isRefused(patch.userId ?? session.userId)) return { status: 'disabled' };
      return store.rotate(token, patch, limit);
    },
    users: {
      ...users,
      async setDisabled(userId, isDisabled) {
        if (isDisabled) disabled.add(userId);
        else disabled.delete(userId);
        return isDisabled ? (await users.list(userId)).length : 0;
      },
    },
  };
};

/** "Log out everywhere else" also ends the current login. */
export const revokesAll: WrapStore = withUsers((users) => ({ revoke: (userId) => users.revoke(userId) }));

/** Any user who knows the handle of a login can end it. */
export const endsAnyLogin: WrapStore = (store) => {
  const users = offered(store, 'users');
  const owners = new Map<string, string>();
  return {
    ...store,
    async read(token) {
      const session = await store.read(token);
      if (session?.userId !== undefined) owners.set(session.handle, session.userId);
      return session;
    },
    users: {
      ...users,
      destroyLogin: (userId, handle) => users.destroyLogin(owners.get(handle) ?? userId, handle),
    },
  };
};

/** A reused refresh token is refused, but its login stays alive. */
export function forgivesReuse(): WrapStore {
  const used = new Set<string>();
  return (store) => {
    const exchange = offered(store, 'refresh');
    const refresh: Capabilities['refresh'] = async (refreshToken, token) => {
      if (used.has(refreshToken)) return { status: 'gone' };
      const result = await exchange(refreshToken, token);
      if (result.status === 'refreshed') used.add(refreshToken);
      return result;
    };
    return { ...store, refresh };
  };
}

/** A backend whose clock is behind while these methods are called, in milliseconds; by default the idle time. */
function behind(
  definition: StoreDefinition,
  change: (store: SessionStore, late: <A>(ask: () => Promise<A>) => Promise<A>) => SessionStore,
  byMs?: number,
): StoreDefinition {
  return {
    ...definition,
    async open(context) {
      let lateMs = 0;
      const store = await definition.open({ ...context, now: () => context.now() - lateMs });
      return change(store, (ask) => {
        lateMs = byMs ?? context.idleSeconds * 1000;
        // Stores read the clock before they await anything.
        const answer = ask();
        lateMs = 0;
        return answer;
      });
    },
  };
}

/** Lists logins that have idled away. */
export const listsExpired = (definition: StoreDefinition): StoreDefinition =>
  behind(definition, (store, late) => {
    const users = offered(store, 'users');
    return { ...store, users: { ...users, list: (userId) => late(() => users.list(userId)) } };
  });

/** A session is live at the very moment when it expires. */
export const readsAtExpiry = (definition: StoreDefinition): StoreDefinition =>
  behind(definition, (store, late) => ({ ...store, read: (token) => late(() => store.read(token)) }), 1);

/** A touched session outlives its absolute expiry, which it still reports. */
export function touchesPastAbsolute(definition: StoreDefinition): StoreDefinition {
  return {
    ...definition,
    async open(context: OpenContext) {
      const store = await definition.open({ ...context, absoluteSeconds: 100 * context.absoluteSeconds });
      const users = offered(store, 'users');
      const shown = <L extends Login>(login: L): L => ({
        ...login,
        absoluteExpiryMs: login.createdAtMs + context.absoluteSeconds * 1000,
      });
      return {
        ...store,
        async read(token) {
          const session = await store.read(token);
          return session && shown(session);
        },
        users: { ...users, list: async (userId) => (await users.list(userId)).map(shown) },
      };
    },
  };
}
