/** How logins begin, are renewed and end in the model of model.ts, whose rules apply here too. */

import { isDeepStrictEqual } from 'node:util';
import type { CreateResult, Login, LoginLimit, NewSession, RefreshResult, RotatePatch } from '../store.ts';
import { endsInTime } from './in-step.ts';
import {
  type Copy,
  expiryOf,
  isNew,
  isRenewed,
  isRotating,
  issue,
  live,
  loginsOf,
  type Model,
  type ModelSession,
  type Presented,
  valid,
} from './model.ts';

export function create(
  model: Model,
  { userId, role, data }: NewSession,
  limit: LoginLimit | undefined,
  answer: CreateResult,
): CreateResult {
  const absoluteExpiryMs = model.nowMs + model.rules.absoluteMs;
  const from = { userId, role, createdAtMs: model.nowMs, absoluteExpiryMs };
  return begin(model, from, { data, version: 1 }, limit, answer);
}

/** Begins a session, unless it is refused; replaces `old` if given. */
function begin(
  model: Model,
  from: Pick<ModelSession, 'userId' | 'role' | 'createdAtMs' | 'absoluteExpiryMs'>,
  content: Pick<Copy, 'data' | 'version'>,
  limit: LoginLimit | undefined,
  answer: CreateResult | undefined,
  old?: ModelSession,
): CreateResult {
  const { userIndex, rotationEndsOld } = model.rules.traits;
  const created = answer?.status === 'created' ? answer : undefined;
  let evicted: readonly string[] = [];
  if (userIndex && from.userId !== undefined) {
    if (model.disabled.has(from.userId)) return { status: 'disabled' };
    const others = loginsOf(model, from.userId).filter((login) => login !== old);
    const excess = limit === undefined ? 0 : Math.max(0, others.length + 1 - limit.cap);
    if (excess > 0 && limit?.onCap === 'refuse') return { status: 'limit' };
    evicted = evict(others, excess, created?.evicted ?? []);
  }
  const session: ModelSession = {
    ...from,
    idleExpiryMs: expiryOf(model, model.rules.idleMs, from.absoluteExpiryMs),
    isEnded: false,
    family: old !== undefined && isRenewed(model, old) ? old.family : { head: undefined },
  };
  session.family.head = session;
  model.sessions.push(session);
  if (old !== undefined && rotationEndsOld) old.isEnded = true;
  return { status: 'created', evicted, ...issue(model, session, content, created ?? {}) };
}

/**
 * Ends as many logins as necessary, the oldest first, and of equally old ones those that the store names.
 * @param candidates oldest first.
 */
function evict(
  candidates: readonly ModelSession[],
  excess: number,
  named: readonly string[],
): readonly string[] {
  const chosen = named.map((handle) => {
    // If two logins race, the first has not been read when the second evicts it.
    const unread = candidates.find((login) => login.handle === undefined);
    const login = candidates.find((known) => known.handle === handle) ?? unread;
    if (login !== undefined) login.handle = handle;
    return login;
  });
  const oldest = candidates.slice(0, excess);
  const ages = (logins: readonly (ModelSession | undefined)[]) =>
    logins.map((login) => login?.createdAtMs ?? 0).sort((a, b) => a - b);
  const isRight = new Set(chosen).size === named.length && isDeepStrictEqual(ages(chosen), ages(oldest));
  for (const login of isRight ? chosen : oldest) if (login !== undefined) login.isEnded = true;
  return isRight ? named : oldest.map(({ handle = '' }) => handle);
}

export function rotate(
  model: Model,
  text: string,
  patch: RotatePatch,
  limit: LoginLimit | undefined,
  answer: CreateResult | undefined,
): CreateResult | undefined {
  const token = live(model, text);
  if (token === undefined || !mayRotate(model, token.session, patch.refreshToken)) return undefined;
  const { userId, role, createdAtMs, absoluteExpiryMs } = token.session;
  const { data, version } = token.copy;
  const next = { userId: patch.userId ?? userId, role: patch.role ?? role, createdAtMs, absoluteExpiryMs };
  return begin(model, next, { data: patch.data ?? data, version }, limit, answer, token.session);
}

/** Whether the presented refresh token is the current one of the login; one that was used before ends it. */
function mayRotate(model: Model, session: ModelSession, shown: Presented): boolean {
  if (!isRenewed(model, session)) return true;
  if (valid(model, shown, 'refresh')?.session !== session) return false;
  if (shown === session.refreshToken) return true;
  session.isEnded = true;
  return false;
}

/** @param copy whose data the login continues with, if it is a token of the same login. */
export function refresh(model: Model, text: string, copy: Presented, answer: RefreshResult): RefreshResult {
  const token = valid(model, text, 'refresh');
  if (token === undefined) return { status: 'gone' };
  const { session } = token;
  if (session.isEnded) return { status: endFamily(session) ? 'reused' : 'gone' };
  if (text !== session.refreshToken) {
    session.isEnded = true;
    return { status: 'reused' };
  }
  const own = valid(model, copy, 'session', true);
  const { data, version } = own?.session === session ? own.copy : token.copy;
  const expiryMs = expiryOf(model, model.rules.idleMs, session.absoluteExpiryMs);
  session.idleExpiryMs = Math.max(session.idleExpiryMs, expiryMs);
  const tokens = issue(model, session, { data, version }, answer.status === 'refreshed' ? answer : {});
  return { status: 'refreshed', refreshToken: '', ...tokens };
}

/** Ends the current login of an ended one's family; whether there was one. */
function endFamily({ family: { head } }: ModelSession): boolean {
  if (head === undefined || head.isEnded) return false;
  head.isEnded = true;
  return true;
}

/**
 * @param answer decides for a login that has idled away: whether it can still be ended depends on what is kept of it.
 */
export function destroy(model: Model, text: string, answer: boolean): boolean {
  if (!endsInTime(model.rules.traits)) return false;
  // With refresh tokens, a token whose own time is over still ends its login.
  const token = valid(model, text, 'session', isRotating(model)) ?? valid(model, text, 'refresh');
  if (token === undefined) return false;
  const { session, kind } = token;
  if (model.nowMs >= session.idleExpiryMs) return answer;
  if (session.isEnded) return kind === 'refresh' && endFamily(session);
  session.isEnded = true;
  return true;
}

/** Oldest first; equally old ones in the order of the result. */
export function list(model: Model, userId: string, answer: readonly Login[]): Login[] {
  const places = new Map(answer.map(({ handle }, place) => [handle, place]));
  const placeOf = ({ handle }: Login) => places.get(handle) ?? places.size;
  const logins = loginsOf(model, userId);
  // If two calls race, the second may name a login that has not been read since the first.
  for (const { handle, createdAtMs } of answer) {
    const unread = logins.find((login) => login.handle === undefined && login.createdAtMs === createdAtMs);
    if (unread !== undefined && isNew(model, handle)) unread.handle = handle;
  }
  return logins
    .map(({ handle = '', createdAtMs, absoluteExpiryMs }) => ({ handle, createdAtMs, absoluteExpiryMs }))
    .sort((a, b) => a.createdAtMs - b.createdAtMs || placeOf(a) - placeOf(b));
}

export function revoke(model: Model, userId: string, except?: Presented): number {
  const kept = valid(model, except, 'session')?.session;
  const logins = loginsOf(model, userId).filter((login) => login !== kept);
  for (const login of logins) login.isEnded = true;
  return logins.length;
}

export function destroyLogin(model: Model, userId: string, handle: string): boolean {
  const login = loginsOf(model, userId).find((known) => known.handle === handle);
  if (login !== undefined) login.isEnded = true;
  return login !== undefined;
}

export function setDisabled(model: Model, userId: string, disabled: boolean): number {
  if (disabled) model.disabled.add(userId);
  else model.disabled.delete(userId);
  return disabled ? revoke(model, userId) : 0;
}
