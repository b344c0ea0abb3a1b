import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CreateResult, Role, Session, SessionStore } from '../stores/store.ts';
import { type Accounts, createAccounts } from './accounts.ts';
import type { ServerConfig } from './config.ts';
import { type CsrfDefence, csrfDefence } from './csrf.ts';
import type { Refusal } from './frozen.ts';
import { type LifecycleEvent, type LifecycleLog, openLifecycleLog } from './lifecycle-log.ts';
import { type CredentialCheck, credentialCheck } from './login-throttle.ts';
import { type Current, currentSession, type Transport } from './session-plugin.ts';

export interface AppParts {
  config: ServerConfig;
  store: SessionStore;
  transport: Transport;
  /** Told of failures that no reply tells the client of. */
  onError: (error: unknown) => void;
  /** Milliseconds since the epoch, as the store has it; the machine's clock unless given. */
  now?: () => number;
}

/** The session of a known user. */
export type CurrentUser = Current & { userId: string };

/** A session that has begun, with its tokens. */
export type Created = Extract<CreateResult, { status: 'created' }>;

/** What the endpoints work with. */
export interface RouteContext extends Pick<AppParts, 'config' | 'store' | 'transport'> {
  accounts: Accounts;
  csrf: CsrfDefence;
  log: LifecycleLog;
  checkCredential: CredentialCheck;
  /** The live session of a request; `undefined` without one. */
  current(request: FastifyRequest, reply: FastifyReply): Promise<Current | undefined>;
  /** The session of a request whose user must be known; has replied 401 when it answers `undefined`. */
  loggedIn(request: FastifyRequest, reply: FastifyReply): Promise<CurrentUser | undefined>;
  /** The refresh token that a request carries; `undefined` without one, and where the backend issues none. */
  refreshTokenOf(request: FastifyRequest): string | undefined;
  /** The session of a request under a new token; `undefined` when it is over, or its refresh token is not the right one. */
  rotate(request: FastifyRequest, current: Current): Promise<CreateResult | undefined>;
  /** Hands the tokens of a session that has begun, or goes on, to the client. */
  issue(reply: FastifyReply, created: Pick<Created, 'token' | 'refreshToken'>): void;
  /** Issues the token of a created or rotated session, or refuses as the result says. */
  answerLogin(reply: FastifyReply, result: CreateResult, user: string | null, role: Role): FastifyReply;
  /**
   * The session of this token, for the log: to be asked only of a log that is on. `unknown` when the store cannot be
   * asked, of which nobody is told but `onError`: what was to be logged has been done, or will be.
   */
  sessionToLog(token: string): Promise<Session | 'unknown' | undefined>;
  /**
   * Writes an event of the session of this token, as `sessionToLog` knows it.
   * @param user whose it is, where that is known though the session may have ended meanwhile.
   */
  note(event: LifecycleEvent, token: string, user?: string): Promise<void>;
}

/** Opens what the endpoints need besides the store. Who closes the application closes the log. */
export function createRouteContext(parts: AppParts): RouteContext {
  const { config, store, transport, onError, now = Date.now } = parts;
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
    answerLogin(reply, result, user, role) {
      if (result.status !== 'created') return refuseLogin(reply, result);
      issue(reply, result);
      return reply.send({ user, role });
    },
    ...logging(store, log, onError),
  };
}

/** A log that made requests fail would turn what has been done into a failure: a refresh, tried again, counts as a theft. */
function logging(
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

/** A refusal by status and code; the reply carries nothing else. */
export function refuse(reply: FastifyReply, status: number, error: Refusal): FastifyReply {
  return reply.code(status).send({ error });
}

/** There is no live session, or none that may do this. */
export function unauthenticated(reply: FastifyReply): FastifyReply {
  return refuse(reply, 401, 'unauthenticated');
}

/** What this backend cannot do by nature: its store does not offer it. */
export function unsupported(reply: FastifyReply): FastifyReply {
  return refuse(reply, 501, 'unsupported_by_backend');
}

/** Why a session did not begin. */
export function refuseLogin(
  reply: FastifyReply,
  { status }: Exclude<CreateResult, { status: 'created' }>,
): FastifyReply {
  if (status === 'limit') return refuse(reply, 429, 'too_many_logins');
  if (status === 'disabled') return refuse(reply, 403, 'account_disabled');
  return refuse(reply, 413, 'session_too_large');
}
