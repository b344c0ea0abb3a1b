/**
 * What is known of a user, in one item that is only ever swapped: whether the account is disabled, and the logins.
 *
 * Only one item is read, swapped or removed at a time. These rules make the list hold all the same:
 *
 * 1. A session's item is added once, under an id that is new, before the id is listed; its token is handed out after
 *    that. So nobody has the token of a session that is not listed: what is cut short idles away.
 * 2. An id leaves the list after its item is gone, or by the same write, behind the command that removes it. So every
 *    login that lives is listed. An item that is gone never comes back, for updates swap it.
 * 3. Whether a login ends, and by whom, is decided by the swap of the list. Several that must end together (a revocation,
 *    an eviction) are marked `ending` in one swap, and removed after it. If that is cut short, whoever swaps the list
 *    next removes them.
 * 4. A login counts for the limit from the swap that lists it. A rotation is such a swap, which also marks the old id.
 * 5. Where the old session is not in the same list (it is anonymous, or of another user) a rotation lists the new id,
 *    then ends the old session, which one of several rotations does. Only then may others be evicted for it: until then
 *    it is `coming`, and counts for nothing. One that is cut short has a token that nobody knows.
 */
export interface UserRecord {
  isDisabled: boolean;
  logins: readonly Listed[];
}

export interface Listed {
  id: string;
  createdAtMs: number;
  absoluteExpiryMs: number;
  state: 'login' | 'ending' | 'coming';
  /** The session of another list, or of none, whose end makes this one a login; empty for a login of its own. */
  replaces: string;
}

export const EMPTY: UserRecord = { isDisabled: false, logins: [] };

/** How long it is needed: until its last login ends, or, while the account is disabled, for ever. */
export function lifeOf({ isDisabled, logins }: UserRecord, nowMs: number): number | 'ever' {
  if (isDisabled) return 'ever';
  return Math.max(0, ...logins.map(({ absoluteExpiryMs }) => absoluteExpiryMs - nowMs));
}

/** The logins with the state of some of them changed. */
export function withState(
  logins: readonly Listed[],
  ids: readonly string[],
  state: Listed['state'],
): readonly Listed[] {
  return ids.length === 0 ? logins : logins.map((one) => (ids.includes(one.id) ? { ...one, state } : one));
}
