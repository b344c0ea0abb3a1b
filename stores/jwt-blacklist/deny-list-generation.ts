import { isSid } from '../jwt/sid.ts';
import { encodeUser, stamp } from '../redis/value.ts';
import type { OpenContext } from '../store.ts';
import type { DenyList } from './deny-list.ts';
import { generationScripts } from './deny-list-generation-scripts.ts';
import { admitted, entryArgs, openOnRedis } from './deny-list-redis.ts';

/** A token without one was issued by another way of checking: no generation is as low. */
const NONE = -1;

/**
 * A list that keeps one number for each user instead of a denial for each login. Tokens carry the generation of their
 * user, which only rises; a token of an older one is refused, on every server at once. No login of a user can be ended
 * alone: a logout, a rotation and the limit on logins end the others with it. That is the safe side: the alternative, a
 * logout that the server forgets, would leave the token alive.
 *
 * Not the time of the revocation (`iat < epoch`): whole seconds let tokens of the same second live on, or refuse fresh
 * logins. The number is read before the credential is checked, and a login whose number has moved is refused.
 *
 * The key of a user is kept for good: a number that began anew would revive what it ended.
 *
 * @throws StoreUnavailableError when it cannot be opened, EvictionPolicyError.
 */
export async function openGenerationDenyList(context: OpenContext): Promise<DenyList> {
  const list = await openOnRedis(context, generationScripts());
  const generation = async (userId: string, operation = 'generation') =>
    Number((await list.look(operation, `gen:${encodeUser(userId)}`)) ?? 0);

  return {
    ...list,
    generation: (userId) => generation(userId),
    async isDenied(sid, login) {
      if (login?.userId === undefined) return list.isDenied(sid);
      return (login.generation ?? NONE) !== (await generation(login.userId, 'isDenied'));
    },
    async admit(entry, limit) {
      const args = [...entryArgs(entry, limit), entry.generation ?? NONE];
      return admitted(await list.run('admit', 'admitGeneration', ...args));
    },
    async rotate(old, next, limit) {
      if (!isSid(old.sid)) return undefined;
      const oldArgs = [old.sid, encodeUser(old.userId), old.absoluteExpiryMs, old.generation ?? NONE];
      const args = [...entryArgs(next, limit), next.generation ?? NONE, ...oldArgs];
      const reply = await list.run('rotate', 'rotateGeneration', ...args);
      return Array.isArray(reply) && reply[0] === 'gone' ? undefined : admitted(reply);
    },
    async extend({ sid, userId, generation: own = NONE }, idleExpiryMs) {
      if (!isSid(sid)) return false;
      const args = [sid, stamp(idleExpiryMs), encodeUser(userId), own];
      return (await list.run('extend', 'extendGeneration', ...args)) === 1;
    },
    async deny({ sid, userId, absoluteExpiryMs, generation: own = NONE }) {
      if (!isSid(sid)) return false;
      const args = [sid, encodeUser(userId), absoluteExpiryMs, own];
      return (await list.run('deny', 'denyGeneration', ...args)) === 1;
    },
  };
}
