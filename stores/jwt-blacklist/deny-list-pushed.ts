import { isSid } from '../jwt/sid.ts';
import { type OpenContext, StoreUnavailableError } from '../store.ts';
import { followDenials, type TailParts } from './denial-tail.ts';
import { type AdmitResult, DENY_TOLERANCE_MS, type DenyList, LEASE_MS } from './deny-list.ts';
import { pushedDenyListScripts } from './deny-list-pushed-scripts.ts';
import { openOnRedis, type RedisDenyList } from './deny-list-redis.ts';
import { createSidSet } from './sid-set.ts';

/** Seams through which a test plants faults. */
export interface PushedParts extends Partial<TailParts> {
  leaseMs?: number;
  wrapList?: (list: RedisDenyList) => RedisDenyList;
}

/**
 * The deny list in Redis, and a copy of it in each server, which a read consults alone. Every denial is also an entry
 * of a stream, which the servers follow (denial-tail.ts).
 *
 * Another server accepts an ended login until the denial has arrived there, which takes a millisecond or so, and at most
 * {@link LEASE_MS}: a server whose copy was last complete longer ago refuses everything. The server that ended a login
 * refuses it at once. Rotation, touch and refresh ask Redis, so they are never late.
 *
 * The time of the lease is that of the process's clock, which stands still while a whole machine is suspended.
 *
 * @throws StoreUnavailableError when it cannot be opened, EvictionPolicyError.
 */
export async function openPushedDenyList(context: OpenContext, parts: PushedParts = {}): Promise<DenyList> {
  const { leaseMs = LEASE_MS, wrapList = (list) => list } = parts;
  const longestLifeMs = context.absoluteSeconds * 1000 + DENY_TOLERANCE_MS;
  const scripts = parts.scripts ?? pushedDenyListScripts(longestLifeMs);
  const list = wrapList(await openOnRedis(context, scripts));
  if (list.isCluster) {
    await list.close();
    throw new Error(CLUSTER);
  }
  const set = createSidSet();
  const tail = await followDenials(context, list.epoch, set, { ...parts, scripts }).catch(
    async (error: unknown) => {
      await list.close();
      throw error;
    },
  );
  const acceptsUnchecked = context.options['on-outage'] === 'open';

  /** For what this server has just ended: its expiry is not always known here, but its latest is. */
  const deny = (sid: string, forgetMs = context.now() + longestLifeMs) => set.add(sid, forgetMs);
  const denyEvicted = (result: AdmitResult) => {
    if (result.status === 'admitted') for (const sid of result.evicted) deny(sid);
  };
  /** Which logins of a user were ended is not known here, so waits for the stream. */
  const catchUp = async () => tail.reached(await list.latest());

  return {
    ...list,
    isDenied(sid) {
      const lost = tail.lost();
      if (lost !== undefined) throw lost;
      if (!isSid(sid)) return true;
      const ageMs = performance.now() - tail.completeMs();
      // Where an outage is not to refuse anybody, by what was last known.
      if (ageMs > leaseMs && !acceptsUnchecked)
        throw new StoreUnavailableError('isDenied', new LeaseExpiredError(ageMs, leaseMs, tail.failure()));
      return set.has(sid);
    },
    async admit(entry, limit) {
      const result = await list.admit(entry, limit);
      denyEvicted(result);
      return result;
    },
    async rotate(old, next, limit, presentedId) {
      const result = await list.rotate(old, next, limit, presentedId);
      if (result === undefined) return undefined;
      if (result.status === 'admitted') deny(old.sid, old.absoluteExpiryMs + DENY_TOLERANCE_MS);
      denyEvicted(result);
      return result;
    },
    async exchange(login, exchange) {
      const status = await list.exchange(login, exchange);
      if (status === 'reused') await catchUp();
      return status;
    },
    async deny(login, family) {
      const isEnded = await list.deny(login, family);
      if (isSid(login.sid)) deny(login.sid, login.absoluteExpiryMs + DENY_TOLERANCE_MS);
      if (isEnded && family === true) await catchUp();
      return isEnded;
    },
    async denyLogin(userId, sid) {
      const isEnded = await list.denyLogin(userId, sid);
      if (isEnded) deny(sid);
      return isEnded;
    },
    async denyUser(userId, exceptSid) {
      const ended = await list.denyUser(userId, exceptSid);
      await catchUp();
      return ended;
    },
    async setDisabled(userId, disabled) {
      const ended = await list.setDisabled(userId, disabled);
      await catchUp();
      return ended;
    },
    async close() {
      await tail.close();
      await list.close();
    },
  };
}

/** A tail tells by its connection whether it is still the same Redis; a client of a cluster has several. */
const CLUSTER =
  'check=pushed: expected one Redis, got a cluster. Remedy: choose check=lookup, or name a Redis of its own.';

/** This server's copy of the list may lack a denial. It recovers by itself once Redis replies again. */
export class LeaseExpiredError extends Error {
  readonly code = 'DENY_LIST_LEASE_EXPIRED';
  constructor(ageMs: number, leaseMs: number, cause: unknown) {
    super(
      `expected the copy of the deny list to have been complete within ${leaseMs} ms, got ${Math.round(ageMs)} ms: ` +
        'ended logins may be missing, so all are refused. Remedy: none, if Redis is back; else start it again.',
      { cause },
    );
    this.name = 'LeaseExpiredError';
  }
}
