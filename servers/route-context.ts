import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CreateResult, Role, Session, SessionStore } from '../stores/store.ts';
import { type Accounts, createAccounts } from './accounts.ts';
import type { ServerConfig } from './config.ts';
import { type CsrfDefence, csrfDefence } from './csrf.ts';
import type { Refusal } from './frozen.ts';
import type { Inner } from './inner.ts';
import { type LifecycleEvent, type LifecycleLog, openLifecycleLog } from './lifecycle-log.ts';
import { type CredentialCheck, credentialCheck } from './login-throttle.ts';
import { type Current, currentSession, type Transport } from './session-plugin.ts';

export interface AppParts {
  config: ServerConfig;
  store: SessionStore;
  transport: Transport;
  /** Its part in a fan-out; absent without one. */
  inner?: Inner | undefined;
  /** Receives failures that no reply reports to the client. */
  onError: (error: unknown) => void;
  /** Milliseconds since the epoch, as the store sees it; the machine's clock by default. */
  now?: () => number;
}

/** The session of a known user. */
export type CurrentUser = Current & { userId: string };

/** A session that was created, with its tokens. */
export type Created = Extract<CreateResult, { status: 'created' }>;

/** What the endpoints share. */
export interface RouteContext extends Pick<AppParts, 'config' | 'store' | 'transport' | 'inner'> {
  accounts: Accounts;
  csrf: CsrfDefence;
  log: LifecycleLog;
  checkCredential: CredentialCheck;
  /** The live session of a request; `undefined` without one. */
  current(request: FastifyRequest, reply: FastifyReply): Promise<Current | undefined>;
  /** The session of a logged-in user; `undefined` after it has sent 401. */
  loggedIn(request: FastifyRequest, reply: FastifyReply): Promise<CurrentUser | undefined>;
  /** The refresh token of a request; `undefined` without one, and where the backend issues none. */
  refreshTokenOf(request: FastifyRequest): string | undefined;
  /** The session of a request under a new token; `undefined` when it has ended, or its refresh token is wrong. */
  rotate(request: FastifyRequest, current: Current): Promise<CreateResult | undefined>;
  /** Sends the tokens of a new or continued session to the client. */
  issue(reply: FastifyReply, created: Pick<Created, 'token' | 'refreshToken'>): void;
  /** Sends the token of a created or rotated session, or the refusal that the result names. */
  replyToLogin(reply: FastifyReply, result: CreateResult, user: string | null, role: Role): FastifyReply;
  /**
   * The session of this token, for the log; call it only when the log is on. `unknown` when the store is not available,
   * which only `onError` reports: the action to be logged has been done, or will be.
   */
  sessionToLog(token: string): Promise<Session | 'unknown' | undefined>;
  /**
   * Logs an event of the session of this token.
   * @param user the session's user, where known although the session may have ended meanwhile.
   */
  note(event: LifecycleEvent, token: string, user?: string): Promise<void>;
}

/** Opens what the endpoints need besides the store. Closing the application closes the log. */
export function createRouteContext(parts: AppParts): RouteContext {
  const { config, store, transport, inner, onError, now = Date.now } = parts;
  const accounts = createAccounts(config);
  const log = openLifecycleLog(config, now, onError);
  const current = (request: FastifyRequest, reply: FastifyReply) =>
    currentSession(store, transport, request, reply);

  function issue(
    reply: FastifyReply,
    { token, refreshToken }: Pick<Created, 'token' | 'refreshToken'>,
  ): void {
    transport.issue(reply, token);
    if (refreshToken !== undefined) transport.issueRefresh(reply, refreshToken);
  }
  const refreshTokenOf = (request: FastifyRequest) =>
    store.refresh === undefined ? undefined : transport.refreshTokenOf(request);

  return {
    config,
    store,
    transport,
    inner,
    accounts,
    csrf: csrfDefence(config, store, transport),
    log,
    checkCredential: credentialCheck(config, accounts, store),
    current,
    issue,
    refreshTokenOf,
    rotate(request, { token }) {
      const refreshToken = refreshTokenOf(request);
      return store.rotate(token, refreshToken === undefined ? {} : { refreshToken });
    },
    async loggedIn(request, reply) {
      const found = await current(request, reply);
      const userId = found?.session.userId;
      if (found !== undefined && userId !== undefined) return { ...found, userId };
      await unauthenticated(reply);
      return undefined;
    },
    replyToLogin(reply, result, user, role) {
      if (result.status !== 'created') return refuseLogin(reply, result);
      issue(reply, result);
      return reply.send({ user, role });
    },
    ...createLogging(store, log, onError),
  };
}

/** A failing log must not fail a request that has been carried out: a refresh that is retried counts as a theft. */
function createLogging(
  store: SessionStore,
  log: LifecycleLog,
  onError: (error: unknown) => void,
): Pick<RouteContext, 'sessionToLog' | 'note'> {
  async function sessionToLog(token: string): Promise<Session | 'unknown' | undefined> {
    try {
      return await store.read(token);
    } catch (error) {
      onError(error);
      return 'unknown';
    }
  }
  return {
    sessionToLog,
    async note(event, token, user) {
      const found = await sessionToLog(token);
      const session = found === 'unknown' ? undefined : found;
      log.write(event, { handle: session?.handle, user: user ?? session?.userId });
    },
  };
}

/** A refusal with a status and a code; the body has nothing else. */
export function refuse(reply: FastifyReply, status: number, error: Refusal): FastifyReply {
  return reply.code(status).send({ error });
}

/** There is no live session, or none with this permission. */
export function unauthenticated(reply: FastifyReply): FastifyReply {
  return refuse(reply, 401, 'unauthenticated');
}

/** The backend does not support this: its store lacks the method. */
export function unsupported(reply: FastifyReply): FastifyReply {
  return refuse(reply, 501, 'unsupported_by_backend');
}

/** Replies with the reason why a session was not created. */
export function refuseLogin(
  reply: FastifyReply,
  { status }: Exclude<CreateResult, { status: 'created' }>,
): FastifyReply {
  // After many attempts: others log in and out at once.
  if (status === 'limit' || status === 'moved') return refuse(reply, 429, 'too_many_logins');
  if (status === 'disabled') return refuse(reply, 403, 'account_disabled');
  return refuse(reply, 413, 'session_too_large');
}
