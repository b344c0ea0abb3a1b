import type { CreateResult, LoginLimit, OpenContext, SessionStore, StoredSession } from '../store.ts';
import { idOfToken, newTokenWithId } from '../token.ts';
import { memoryFailedLogins } from './failed-logins.ts';

const ENTRY_LIMITS = { '1M': 1_000_000, '100k': 100_000, '10k': 10_000 } as const;
const SWEEP_EVERY_MS = 1_000;
const SWEEP_LIMIT = 2_000;

/** Opens an empty store in this process. */
export function openMemoryStore(context: OpenContext): SessionStore {
  const { now } = context;
  const idleMs = context.idleSeconds * 1000;
  const absoluteMs = context.absoluteSeconds * 1000;
  const touchIntervalMs = context.touchIntervalSeconds * 1000;
  const entryLimit = ENTRY_LIMITS[(context.options['entries'] ?? '1M') as keyof typeof ENTRY_LIMITS];
  const compareAndSwap = context.options['write'] !== 'lww';
  // Data is text that the caller has serialised: no live object is shared.
  // Insertion order is the order of the last touch (a touch re-inserts), so the first key is idle for longest.
  const entries = new Map<string, StoredSession>();
  const logins = new Map<string, Set<string>>();
  const disabled = new Set<string>();
  const failures = memoryFailedLogins();

  const isLive = (entry: StoredSession) => {
    const at = now();
    return at < entry.touchedAtMs + idleMs && at < entry.absoluteExpiryMs;
  };

  function remove(id: string, entry: StoredSession): void {
    entries.delete(id);
    if (entry.userId === undefined) return;
    const ids = logins.get(entry.userId);
    ids?.delete(id);
    if (ids?.size === 0) logins.delete(entry.userId);
  }

  function find(token: string): { id: string; entry: StoredSession } | undefined {
    const id = idOfToken(token);
    const entry = id === undefined ? undefined : entries.get(id);
    if (id === undefined || entry === undefined) return undefined;
    if (isLive(entry)) return { id, entry };
    remove(id, entry);
    return undefined;
  }

  function liveLogins(userId: string): { id: string; entry: StoredSession }[] {
    const live: { id: string; entry: StoredSession }[] = [];
    for (const id of logins.get(userId) ?? []) {
      const entry = entries.get(id);
      if (entry === undefined) continue;
      if (isLive(entry)) live.push({ id, entry });
      else remove(id, entry);
    }
    return live.sort((a, b) => a.entry.createdAtMs - b.entry.createdAtMs);
  }

  /** Everything here is synchronous, so that no other request runs between check and insertion. */
  function insert(entry: StoredSession, limit: LoginLimit | undefined, replaces?: string): CreateResult {
    const { userId } = entry;
    const evicted: string[] = [];
    if (userId !== undefined) {
      if (disabled.has(userId)) return { status: 'disabled' };
      if (limit !== undefined) {
        const others = liveLogins(userId).filter((login) => login.id !== replaces);
        const excess = others.length + 1 - limit.cap;
        if (excess > 0 && limit.onCap === 'refuse') return { status: 'limit' };
        for (const login of others.slice(0, Math.max(0, excess))) {
          remove(login.id, login.entry);
          evicted.push(login.id);
        }
      }
    }
    const replaced = replaces === undefined ? undefined : entries.get(replaces);
    if (replaces !== undefined && replaced !== undefined) remove(replaces, replaced);
    const { token, id } = newTokenWithId();
    entries.set(id, entry);
    if (userId !== undefined) {
      const ids = logins.get(userId);
      if (ids === undefined) logins.set(userId, new Set([id]));
      else ids.add(id);
    }
    if (entries.size > entryLimit) {
      const [oldestId, oldest] = entries.entries().next().value ?? [];
      if (oldestId !== undefined && oldest !== undefined) remove(oldestId, oldest);
    }
    return { status: 'created', token, evicted };
  }

  function sweepNow(limit: number): number {
    let removed = 0;
    for (const [id, entry] of entries) {
      // Ordered by last touch: the first that has not idled away ends the walk. One past its absolute expiry can no
      // longer be touched, so it gets here within the idle time.
      if (removed >= limit || now() < entry.touchedAtMs + idleMs) break;
      remove(id, entry);
      removed += 1;
    }
    return removed;
  }

  const sweeper = setInterval(() => sweepNow(SWEEP_LIMIT), SWEEP_EVERY_MS);
  sweeper.unref();

  const revoke = (userId: string, except?: string): Promise<number> => {
    const keep = except === undefined ? undefined : idOfToken(except);
    const ended = liveLogins(userId).filter((login) => login.id !== keep);
    for (const { id, entry } of ended) remove(id, entry);
    return Promise.resolve(ended.length);
  };

  return {
    create({ userId, role, data }, limit) {
      const at = now();
      // No spread: it would make an object of 162 B instead of 138 B, and the memory of a session is a figure.
      const entry = {
        userId,
        role,
        data,
        version: 1,
        createdAtMs: at,
        touchedAtMs: at,
        absoluteExpiryMs: at + absoluteMs,
      };
      return Promise.resolve(insert(entry, limit));
    },
    read(token) {
      const found = find(token);
      if (found === undefined) return Promise.resolve(undefined);
      const { id: handle, entry } = found;
      const { userId, role, data, version, createdAtMs, absoluteExpiryMs } = entry;
      const touchDue = now() - entry.touchedAtMs >= touchIntervalMs;
      return Promise.resolve({
        handle,
        userId,
        role,
        data,
        version,
        createdAtMs,
        absoluteExpiryMs,
        touchDue,
      });
    },
    update(token, data, version) {
      const entry = find(token)?.entry;
      if (entry === undefined) return Promise.resolve({ status: 'gone' });
      if (compareAndSwap && version !== undefined && version !== entry.version)
        return Promise.resolve({ status: 'conflict' });
      entry.data = data;
      entry.version += 1;
      return Promise.resolve({ status: 'ok', version: entry.version });
    },
    touch(token) {
      const found = find(token);
      if (found === undefined) return Promise.resolve(undefined);
      found.entry.touchedAtMs = now();
      entries.delete(found.id);
      entries.set(found.id, found.entry);
      return Promise.resolve({});
    },
    rotate(token, patch, limit) {
      const found = find(token);
      if (found === undefined) return Promise.resolve(undefined);
      const { entry, id } = found;
      const next = {
        ...entry,
        userId: patch.userId ?? entry.userId,
        role: patch.role ?? entry.role,
        data: patch.data ?? entry.data,
        touchedAtMs: now(),
      };
      return Promise.resolve(insert(next, limit, id));
    },
    destroy(token) {
      const found = find(token);
      if (found !== undefined) remove(found.id, found.entry);
      return Promise.resolve(found !== undefined);
    },
    users: {
      list(userId) {
        const list = liveLogins(userId).map(({ id, entry }) => ({
          handle: id,
          createdAtMs: entry.createdAtMs,
          absoluteExpiryMs: entry.absoluteExpiryMs,
        }));
        return Promise.resolve(list);
      },
      revoke,
      destroyLogin(userId, handle) {
        const entry = entries.get(handle);
        const isOwn = entry !== undefined && entry.userId === userId && isLive(entry);
        if (isOwn) remove(handle, entry);
        return Promise.resolve(isOwn);
      },
      setDisabled(userId, off) {
        if (!off) disabled.delete(userId);
        else disabled.add(userId);
        return off ? revoke(userId) : Promise.resolve(0);
      },
    },
    failedLogins: failures.failedLogins,
    sweep: (limit) => Promise.resolve(sweepNow(limit)),
    roundTrips: () => 0,
    stats: () => Promise.resolve({ sessions: entries.size }),
    close() {
      clearInterval(sweeper);
      entries.clear();
      logins.clear();
      return failures.close();
    },
  };
}
