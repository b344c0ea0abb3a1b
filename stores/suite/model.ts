import { deepEqual, equal } from 'node:assert/strict';
import type { NewSession, Session, TouchResult, UpdateResult } from '../store.ts';
import type { Traits } from '../traits.ts';

/**
 * The behaviour of every backend, as pure data driven by its traits: a clock, sessions, and the tokens that were
 * issued. A function named like a method of a store applies its change here, and returns what the store must return.
 * Where several results are right (a token is any new text; of equally old logins any may be evicted) it takes the
 * store's result as an argument, and continues with that.
 */
export interface Model {
  readonly rules: ModelRules;
  /** The owners of the logins, unique to this run, so that runs may share a service. */
  readonly users: readonly string[];
  nowMs: number;
  readonly sessions: ModelSession[];
  /** By their text, in the order in which they were issued. */
  readonly tokens: Map<string, ModelToken>;
  readonly disabled: Set<string>;
}

/** The options with which the stores were opened. */
export interface ModelRules {
  traits: Traits;
  idleMs: number;
  absoluteMs: number;
  accessMs: number;
  touchIntervalMs: number;
}

export interface ModelSession {
  /** The store's name for it; known once it has been read. */
  handle?: string;
  userId: string | undefined;
  role: NewSession['role'];
  createdAtMs: number;
  absoluteExpiryMs: number;
  /** When the user's index forgets it: no copy of it lives longer. */
  idleExpiryMs: number;
  isEnded: boolean;
  /** The refresh token that has not been used. */
  refreshToken?: string;
  /** The sessions that it was rotated from and into by refresh tokens, and which of them is current. */
  family: { head: ModelSession | undefined };
}

/** The content of a token; where the store holds the session, one copy that all its tokens share. */
export interface Copy {
  data: string;
  version: number;
  expiryMs: number;
}

export interface ModelToken {
  kind: 'session' | 'refresh';
  session: ModelSession;
  copy: Copy;
}

/** What a client may present: an issued token, or any other text. */
export type Presented = string | undefined;

/** Placeholder in an expected result for a token that the store should have issued. */
const NEW_TOKEN = '(a token)';

export function newModel(rules: ModelRules, users: readonly string[], nowMs: number): Model {
  return { rules, users, nowMs, sessions: [], tokens: new Map(), disabled: new Set() };
}

export const isRotating = ({ rules }: Model) => rules.traits.refresh === 'rotating';
/** Whether its tokens are short-lived, and renewed by a refresh token. */
export const isRenewed = (model: Model, { userId }: ModelSession) =>
  isRotating(model) && userId !== undefined;

/** The issued token with this text, if neither it nor its session has expired, whether ended or not. */
export function valid(
  model: Model,
  text: Presented,
  kind: ModelToken['kind'],
  late = false,
): ModelToken | undefined {
  const token = model.tokens.get(text ?? '');
  if (token?.kind !== kind || model.nowMs >= token.session.absoluteExpiryMs) return undefined;
  return late || model.nowMs < token.copy.expiryMs ? token : undefined;
}

/** The live session token with this text. */
export function live(model: Model, text: Presented): ModelToken | undefined {
  const token = valid(model, text, 'session');
  return token?.session.isEnded === false ? token : undefined;
}

/** A user's live logins, oldest first. */
export function loginsOf({ sessions, nowMs }: Model, userId: string | undefined): ModelSession[] {
  return sessions
    .filter((session) => session.userId === userId && userId !== undefined && !session.isEnded)
    .filter(({ idleExpiryMs, absoluteExpiryMs }) => nowMs < idleExpiryMs && nowMs < absoluteExpiryMs)
    .sort((a, b) => a.createdAtMs - b.createdAtMs);
}

/** Whether no session has this handle yet. */
export function isNew({ sessions }: Model, handle: string): boolean {
  return !sessions.some((session) => session.handle === handle);
}

/** Tokens have a resolution of whole seconds, and expire early rather than late. */
export function expiryOf({ rules, nowMs }: Model, lifeMs: number, absoluteExpiryMs: number): number {
  if (!rules.traits.dataInToken) return nowMs + lifeMs;
  return wholeSecond(Math.min(nowMs + lifeMs, absoluteExpiryMs));
}

const wholeSecond = (ms: number) => Math.floor(ms / 1000) * 1000;

/** What `read` must return. @param handle as the store returned it, for a session that was not read before. */
export function read(model: Model, text: Presented, handle?: string): Session | undefined {
  const token = live(model, text);
  if (token === undefined) return undefined;
  const { rules, nowMs } = model;
  const { session, copy } = token;
  const { userId, role, createdAtMs, absoluteExpiryMs } = session;
  if (handle !== undefined && isNew(model, handle)) session.handle ??= handle;
  const isClamped = rules.traits.dataInToken && copy.expiryMs >= wholeSecond(absoluteExpiryMs);
  const isIntervalOver = nowMs - (copy.expiryMs - rules.idleMs) >= rules.touchIntervalMs;
  return {
    handle: session.handle ?? '(one that no other session has)',
    userId,
    role,
    data: copy.data,
    version: copy.version,
    createdAtMs,
    absoluteExpiryMs,
    touchDue: isIntervalOver && !isClamped && !isRenewed(model, session),
  };
}

/** The tokens that a store must return for a new session, or a refreshed login. */
export function issue(
  model: Model,
  session: ModelSession,
  content: Pick<Copy, 'data' | 'version'>,
  answer: { token?: string; refreshToken?: string },
): { token: string; refreshToken?: string } {
  const expiryMs = expiryOf(model, model.rules.idleMs, session.absoluteExpiryMs);
  const token = answer.token ?? NEW_TOKEN;
  if (!isRenewed(model, session)) {
    addToken(model, token, { kind: 'session', session, copy: { ...content, expiryMs } });
    return { token };
  }
  const briefExpiryMs = Math.min(expiryMs, wholeSecond(model.nowMs + model.rules.accessMs));
  addToken(model, token, { kind: 'session', session, copy: { ...content, expiryMs: briefExpiryMs } });
  const refreshToken = answer.refreshToken ?? NEW_TOKEN;
  addToken(model, refreshToken, { kind: 'refresh', session, copy: { ...content, expiryMs } });
  session.refreshToken = refreshToken;
  return { token, refreshToken };
}

/** Two tokens may be equal only if they describe the same session alike: a copy may be issued twice within a second. */
function addToken(model: Model, text: string, token: ModelToken): void {
  const known = model.tokens.get(text);
  if (known === undefined) {
    model.tokens.set(text, token);
    return;
  }
  equal(known.session, token.session, 'two sessions have one token');
  deepEqual(known.copy, token.copy, 'two copies of a session have one token');
}

export function update(
  model: Model,
  text: string,
  data: string,
  version: number | undefined,
  answer: UpdateResult,
): UpdateResult {
  const token = live(model, text);
  if (token === undefined) return { status: 'gone' };
  const { session, copy } = token;
  const { compareAndSwap, dataInToken } = model.rules.traits;
  if (compareAndSwap && version !== undefined && version !== copy.version) return { status: 'conflict' };
  const next = { ...copy, data, version: copy.version + 1 };
  const updated = { status: 'ok', version: next.version } as const;
  if (!dataInToken) {
    Object.assign(copy, next);
    return updated;
  }
  const fresh = (answer.status === 'ok' ? answer.token : undefined) ?? NEW_TOKEN;
  addToken(model, fresh, { kind: 'session', session, copy: next });
  return { ...updated, token: fresh };
}

export function touch(model: Model, text: string, answer: TouchResult | undefined): TouchResult | undefined {
  const token = live(model, text);
  if (token === undefined) return undefined;
  const { session, copy } = token;
  if (isRenewed(model, session)) return {};
  const expiryMs = expiryOf(model, model.rules.idleMs, session.absoluteExpiryMs);
  session.idleExpiryMs = Math.max(session.idleExpiryMs, expiryMs);
  if (!model.rules.traits.dataInToken) {
    copy.expiryMs = expiryMs;
    return {};
  }
  const fresh = answer?.token ?? NEW_TOKEN;
  addToken(model, fresh, { kind: 'session', session, copy: { ...copy, expiryMs } });
  return { token: fresh };
}
