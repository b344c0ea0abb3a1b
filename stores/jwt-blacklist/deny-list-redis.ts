import { isSid } from '../jwt/sid.ts';
import { openRedis } from '../redis/connection.ts';
import { redisFailedLogins } from '../redis/failed-logins.ts';
import { redisService } from '../redis/service.ts';
import { encodeUser, stamp } from '../redis/value.ts';
import type { LoginLimit, OpenContext } from '../store.ts';
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
import { type DenyListScripts, denyListScripts } from './deny-list-redis-scripts.ts';

export interface RedisDenyList extends DenyList {
  isDenied(sid: string): Promise<boolean>;
  /** The value of a key of the list, and its epoch, in one command. @throws as every method when the list is lost. */
  look(operation: string, key: string): Promise<string | null>;
  /** Runs a script on the list, after the common arguments. */
  run(operation: string, script: string, ...args: (string | number)[]): Promise<unknown>;
  /** Whether it is a cluster. */
  readonly isCluster: boolean;
  /** The number of the latest denial; 0 where they are not numbered. */
  latest(): Promise<number>;
}

/**
 * The deny list in Redis, which must not evict (checked at opening: an evicted denial would revive a token).
 *
 * Its epoch shows a loss: one MGET reads it along with the denial, and each script compares it first. After a flush, or
 * a restart without persistence, the epoch is missing (or is that of a server that opened since), and every call throws
 * until this server reopens. It cannot show that a crash lost only the last denials: at durability 'second' up to 2 s
 * of acknowledged ones (Redis holds writes back during an fsync), at 'commit' none.
 *
 * @throws StoreUnavailableError when it cannot be opened, EvictionPolicyError.
 */
export function openRedisDenyList(context: OpenContext): Promise<DenyList> {
  return openOnRedis(context, denyListScripts());
}

/** The deny list with scripts that may do more about a denial. Errors as in {@link openRedisDenyList}. */
export async function openOnRedis(context: OpenContext, scripts: DenyListScripts): Promise<RedisDenyList> {
  const connection = await openRedis(context, scripts);
  const { client } = connection;
  // On a cluster all of it stands in one slot, for each read asks for the epoch too: one primary carries it.
  const namespace = connection.isCluster ? `${context.namespace}:{${context.namespace}}` : context.namespace;
  const epochKey = `${namespace}:epoch`;
  const absentKey = `${namespace}:absent`;
  const opened = connection.run('open', 'openDenyList', epochKey, newEpoch());
  const epoch = String(
    await opened.catch(async (error: unknown) => {
      await connection.close();
      throw error;
    }),
  );
  const lost = (operation: string, got: unknown) => listLost(operation, redisService.name, epoch, got);

  async function run(operation: string, script: string, ...args: (string | number)[]): Promise<unknown> {
    const common = [namespace, epoch, Math.floor(context.now()), DENY_TOLERANCE_MS];
    const reply = await connection.run(operation, script, epochKey, absentKey, ...common, ...args);
    if (Array.isArray(reply) && reply[0] === 'lost') throw lost(operation, reply[1]);
    return reply;
  }

  async function look(operation: string, key: string): Promise<string | null> {
    const [value = null, found] = await connection.ask(
      operation,
      client.mget(`${namespace}:${key}`, epochKey),
    );
    if (found !== epoch) throw lost(operation, found);
    return value;
  }

  const denyUser = async (operation: string, userId: string, except: string, mark: string) =>
    Number(await run(operation, 'denyUser', encodeUser(userId), except, mark));

  return {
    epoch,
    isCluster: connection.isCluster,
    look,
    run,
    async isDenied(sid) {
      if (!isSid(sid)) return true;
      return (await look('isDenied', `deny:${sid}`)) !== null;
    },
    async admit(entry, limit) {
      return admitted(await run('admit', 'admitLogin', ...entryArgs(entry, limit), ...refreshArgs(entry)));
    },
    async rotate(old, next, limit, presentedId) {
      if (!isSid(old.sid) || (presentedId !== undefined && !isSid(presentedId))) return undefined;
      const oldArgs = [old.sid, encodeUser(old.userId), old.absoluteExpiryMs];
      const presented = presentedId === undefined ? [] : [presentedId];
      const args = [...entryArgs(next, limit), ...oldArgs, ...refreshArgs(next), ...presented];
      const reply = await run('rotate', 'rotateLogin', ...args);
      return Array.isArray(reply) && reply[0] === 'gone' ? undefined : admitted(reply);
    },
    async extend({ sid }, idleExpiryMs) {
      if (!isSid(sid)) return false;
      return (await run('extend', 'extendLogin', sid, stamp(idleExpiryMs))) === 1;
    },
    async exchange({ sid, userId, absoluteExpiryMs }, { presentedId, nextId, idleExpiryMs }) {
      if (!isSid(sid) || !isSid(presentedId) || !isSid(nextId)) return 'gone';
      const args = [sid, encodeUser(userId), absoluteExpiryMs, presentedId, nextId, stamp(idleExpiryMs)];
      return (await run('exchange', 'exchangeRefresh', ...args)) as ExchangeStatus;
    },
    async deny({ sid, userId, absoluteExpiryMs }, family) {
      if (!isSid(sid)) return false;
      const args = [sid, encodeUser(userId), absoluteExpiryMs, ...(family === true ? ['family'] : [])];
      return (await run('deny', 'denySid', ...args)) === 1;
    },
    async denyLogin(userId, sid) {
      if (!isSid(sid)) return false;
      return (await run('denyLogin', 'denyLogin', encodeUser(userId), sid)) === 1;
    },
    denyUser: (userId, exceptSid) => denyUser('denyUser', userId, exceptSid ?? '', ''),
    setDisabled: (userId, disabled) => denyUser('setDisabled', userId, '', disabled ? 'disable' : 'enable'),
    async list(userId) {
      const [, ...flat] = (await run('list', 'listLogins', encodeUser(userId))) as string[];
      return Array.from({ length: flat.length / 2 }, (_, i) => {
        const stamps = flat[2 * i + 1] ?? '';
        return {
          handle: flat[2 * i] ?? '',
          createdAtMs: Number(stamps.slice(0, 13)),
          absoluteExpiryMs: Number(stamps.slice(26, 39)),
        };
      });
    },
    latest: async () => Number((await connection.ask('latest', client.get(`${namespace}:pushed`))) ?? 0),
    failedLogins: redisFailedLogins(connection, context.namespace),
    roundTrips: connection.roundTrips,
    close: () => connection.close(),
  };
}

export function entryArgs(entry: NewDenyListEntry, limit: LoginLimit | undefined): (string | number)[] {
  const { sid, userId, createdAtMs, idleExpiryMs, absoluteExpiryMs } = entry;
  checkEntry(entry);
  const stamps = [stamp(createdAtMs), stamp(idleExpiryMs), stamp(absoluteExpiryMs)];
  return [sid, encodeUser(userId), ...stamps, limit?.cap ?? 0, limit?.onCap ?? ''];
}

/** Sent only if there is a refresh token, so that logins without one cost no more than before. */
function refreshArgs({ refreshId }: NewDenyListEntry): string[] {
  return refreshId === undefined ? [] : [refreshId];
}

/** A script's reply: the status, then the evicted sids. */
export function admitted(reply: unknown): AdmitResult {
  const [status, ...evicted] = reply as ['admitted' | 'limit' | 'disabled' | 'moved', ...string[]];
  return status === 'admitted' ? { status, evicted } : { status };
}
