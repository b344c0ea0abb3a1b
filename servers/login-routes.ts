import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { CreateResult, LoginLimit, Role } from '../stores/store.ts';
import { REFRESH_PATH } from './csrf.ts';
import type { Verdict } from './login-throttle.ts';
import { ADMIN_USER, payloadFor } from './protocol.ts';
import { type RouteContext, refuse, refuseLogin, unauthenticated, unsupported } from './route-context.ts';
import { SCHEMAS } from './schemas.ts';

type Login = { Body: { user: string; password: string } };

/** Attempts of a login while others of the same user are ended; each time one of those that are under way succeeds. */
const MAX_ATTEMPTS = 50;

/** How sessions begin, get a new token, and end by their own token. */
export function registerLoginRoutes(app: FastifyInstance, context: RouteContext): void {
  const { store, transport, config } = context;

  app.post('/visit', { schema: SCHEMAS.visit }, async (_request, reply) => {
    const data = payloadFor('visitor0', 0, config.payloadBytes);
    const result = await store.create({ role: 'user', data });
    if (result.status !== 'created') return refuseLogin(reply, result);
    transport.issue(reply, result.token);
    return reply.send({ user: null });
  });

  registerLogin(app, context);
  registerLogout(app, context);
  registerRefresh(app, context);
}

function registerLogin(app: FastifyInstance, context: RouteContext): void {
  const { store, accounts, log, checkCredential, replyToLogin, note } = context;
  const begin = loginStarter(context);

  app.post<Login>('/login', { schema: SCHEMAS.login }, async (request, reply) => {
    const { user, password } = request.body;
    const role = user === ADMIN_USER ? 'admin' : 'user';
    for (let attempt = 1; ; attempt += 1) {
      // Before the check: whatever ends all logins of the user from here on ends this one too.
      const generation = store.generation === undefined ? undefined : await store.generation(user);
      const checked = checkCredential(user, password);
      // Awaited only where the check reads something; in a measured run it does not.
      const verdict = checked instanceof Promise ? await checked : checked;
      if (verdict.is !== 'right') return refuseCredential(reply, verdict.is, context, { user });
      const result = await begin(request, user, role, generation);
      if (result.status === 'moved' && attempt < MAX_ATTEMPTS) continue;
      if (result.status === 'created') {
        // The password changed after the check: the change ended all logins, perhaps before this one existed.
        const version = accounts.changeable && (await accounts.changeable.versionOf(user));
        if (version !== undefined && version !== verdict.version) {
          await store.destroy(result.token);
          return refuseCredential(reply, 'wrong', context, { user });
        }
        if (log.isOn) await note('login', result.token, user);
      }
      return replyToLogin(reply, result, user, role);
    }
  });
}

/** Starts a login after the password check: the session that the request had ends. */
function loginStarter({ store, transport, config, log, refreshTokenOf }: RouteContext) {
  const limit: LoginLimit | undefined =
    config.loginCap > 0 ? { cap: config.loginCap, onCap: config.onCap } : undefined;

  return async (
    request: FastifyRequest,
    user: string,
    role: Role,
    generation: number | undefined,
  ): Promise<CreateResult> => {
    const token = transport.tokenOf(request);
    const before = token === undefined ? undefined : await store.read(token);
    // Its login could otherwise continue by refresh, even when the token beside it has expired.
    const refreshToken = refreshTokenOf(request);
    if (refreshToken !== undefined) await store.destroy(refreshToken);
    if (token !== undefined && before !== undefined) {
      // An anonymous session becomes the login under a new id; another login is never inherited.
      if (before.userId === undefined) {
        const rotated = await store.rotate(token, { userId: user, role, generation }, limit);
        if (rotated !== undefined) return rotated;
      } else {
        await store.destroy(token);
        log.write('logout', { handle: before.handle, user: before.userId });
      }
    }
    const data = payloadFor(user, 0, config.payloadBytes);
    return store.create({ userId: user, role, data, generation }, limit);
  };
}

function registerLogout(app: FastifyInstance, context: RouteContext): void {
  const { store, transport, log, refreshTokenOf, sessionToLog } = context;
  app.post('/logout', { schema: SCHEMAS.logout }, async (request, reply) => {
    const token = transport.tokenOf(request);
    if (token !== undefined) {
      const session = log.isOn ? await sessionToLog(token) : undefined;
      await store.destroy(token);
      if (session === 'unknown') log.write('logout', {});
      else if (session !== undefined) log.write('logout', { handle: session.handle, user: session.userId });
    }
    // A browser that was away for longer than a token's lifetime may hold only its refresh token.
    const refreshToken = refreshTokenOf(request);
    if (refreshToken !== undefined) await store.destroy(refreshToken);
    transport.clear(reply);
    return reply.send({ status: 'logged_out' });
  });
}

function registerRefresh(app: FastifyInstance, context: RouteContext): void {
  const { store, transport, log, issue, note } = context;
  app.post(REFRESH_PATH, { schema: SCHEMAS.refresh }, async (request, reply) => {
    if (store.refresh === undefined) return unsupported(reply);
    // An empty refresh token matches none. The session token, even when expired, carries the data that it was last
    // given.
    const result = await store.refresh(transport.refreshTokenOf(request) ?? '', transport.tokenOf(request));
    if (result.status === 'gone') return unauthenticated(reply);
    if (result.status === 'reused') {
      log.write('refresh_reused', {});
      transport.clear(reply);
      return refuse(reply, 401, 'refresh_reused');
    }
    if (log.isOn) await note('refresh', result.token);
    issue(reply, result);
    return reply.send({ status: 'refreshed' });
  });
}

/** Refuses a wrong password, or one that was not checked. The reply does not reveal which users exist. */
export function refuseCredential(
  reply: FastifyReply,
  verdict: Exclude<Verdict['is'], 'right'>,
  { log, config }: Pick<RouteContext, 'log' | 'config'>,
  of: { user: string; handle?: string },
): FastifyReply {
  log.write(verdict === 'wrong' ? 'login_failed' : 'login_throttled', of);
  if (verdict === 'wrong') return refuse(reply, 401, 'bad_credentials');
  // An upper bound: the window may have begun earlier.
  reply.header('retry-after', String(config.failedLoginWindowSeconds));
  return refuse(reply, 429, 'too_many_failures');
}
