import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { CreateResult, LoginLimit, Role, SessionStore } from '../stores/store.ts';
import type { ServerConfig } from './config.ts';
import { ADMIN_USER, payloadFor } from './protocol.ts';
import { SCHEMAS } from './schemas.ts';
import { type Current, currentSession, type Transport } from './session-plugin.ts';

export interface AppParts {
  config: ServerConfig;
  store: SessionStore;
  transport: Transport;
  /** Told of failures that a reply of 500 or 503 hides from the client. */
  onError: (error: unknown) => void;
}

type Login = { Body: { user: string; password: string } };
type Update = { Body: { data: string; version?: number } };
type ById = { Params: { id: string } };
type Disable = ById & { Body: { disabled: boolean } };
type ByHandle = { Params: { handle: string } };

const LONE_SURROGATE = /\p{Surrogate}/u;

/** A refusal by status and code; the reply carries nothing else. */
const refuse = (reply: FastifyReply, status: number, error: string) => reply.code(status).send({ error });
const unauthenticated = (reply: FastifyReply) => refuse(reply, 401, 'unauthenticated');
/** What this backend cannot do by nature: its traits say so. */
const unsupported = (reply: FastifyReply) => refuse(reply, 501, 'unsupported_by_backend');

/** The identical endpoints: only the store behind them differs. */
export function registerRoutes(
  app: FastifyInstance,
  parts: AppParts,
  credentialIsRight: (password: string, admin: boolean) => boolean,
): void {
  const { store, transport, config } = parts;
  const limit: LoginLimit | undefined =
    config.loginCap > 0 ? { cap: config.loginCap, onCap: config.onCap } : undefined;
  const current = (request: FastifyRequest, reply: FastifyReply) =>
    currentSession(store, transport, request, reply);

  /** The session of a request whose user must be known; has replied 401 when it answers `undefined`. */
  async function loggedIn(
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<(Current & { userId: string }) | undefined> {
    const found = await current(request, reply);
    const userId = found?.session.userId;
    if (found !== undefined && userId !== undefined) return { ...found, userId };
    await unauthenticated(reply);
    return undefined;
  }

  /** Issues the token of a created or rotated session, or refuses as the result says. */
  function answerLogin(reply: FastifyReply, result: CreateResult, user: string | null, role: Role) {
    if (result.status === 'created') {
      transport.issue(reply, result.token);
      return reply.send({ user, role });
    }
    if (result.status === 'limit') return refuse(reply, 429, 'too_many_logins');
    if (result.status === 'disabled') return refuse(reply, 403, 'account_disabled');
    return refuse(reply, 413, 'session_too_large');
  }

  app.get('/healthz', { schema: SCHEMAS.healthz }, (_request, reply) => reply.send({ status: 'ok' }));

  app.post('/visit', { schema: SCHEMAS.visit }, async (_request, reply) => {
    const data = payloadFor('visitor0', 0, config.payloadBytes);
    const result = await store.create({ role: 'user', data });
    if (result.status !== 'created') return refuse(reply, 413, 'session_too_large');
    transport.issue(reply, result.token);
    return reply.send({ user: null });
  });

  app.post<Login>('/login', { schema: SCHEMAS.login }, async (request, reply) => {
    const { user, password } = request.body;
    const role = user === ADMIN_USER ? 'admin' : 'user';
    if (!credentialIsRight(password, role === 'admin')) return refuse(reply, 401, 'bad_credentials');
    const token = transport.tokenOf(request);
    const before = token === undefined ? undefined : await store.read(token);
    if (token !== undefined && before !== undefined) {
      // An anonymous session goes over into the login under a new id; another login is never inherited.
      if (before.userId === undefined) {
        const rotated = await store.rotate(token, { userId: user, role }, limit);
        if (rotated !== undefined) return answerLogin(reply, rotated, user, role);
      } else await store.destroy(token);
    }
    const data = payloadFor(user, 0, config.payloadBytes);
    return answerLogin(reply, await store.create({ userId: user, role, data }, limit), user, role);
  });

  app.get('/session', { schema: SCHEMAS.read }, async (request, reply) => {
    const found = await current(request, reply);
    if (found === undefined) return unauthenticated(reply);
    const { userId, role, version, data } = found.session;
    return reply.send({ user: userId ?? null, role, version, data });
  });

  app.patch<Update>('/session', { schema: SCHEMAS.update }, async (request, reply) => {
    const found = await current(request, reply);
    if (found === undefined) return unauthenticated(reply);
    const { data, version = found.session.version } = request.body;
    // Half a surrogate pair, which JSON can spell: stores that keep UTF-8 would answer something else.
    if (LONE_SURROGATE.test(data)) return refuse(reply, 400, 'bad_request');
    const result = await store.update(found.token, data, version);
    if (result.status === 'gone') return unauthenticated(reply);
    if (result.status === 'conflict') return refuse(reply, 409, 'conflict');
    if (result.status === 'too-large') return refuse(reply, 413, 'session_too_large');
    if (result.token !== undefined) transport.issue(reply, result.token);
    const user = found.session.userId ?? null;
    return reply.send({ user, version: result.version, bytes: Buffer.byteLength(data) });
  });

  app.post('/session/rotate', { schema: SCHEMAS.rotate }, async (request, reply) => {
    const found = await current(request, reply);
    if (found === undefined) return unauthenticated(reply);
    const result = await store.rotate(found.token, {});
    if (result === undefined) return unauthenticated(reply);
    return answerLogin(reply, result, found.session.userId ?? null, found.session.role);
  });

  app.post('/logout', { schema: SCHEMAS.logout }, async (request, reply) => {
    const token = transport.tokenOf(request);
    if (token !== undefined) await store.destroy(token);
    transport.clear(reply);
    return reply.send({ status: 'logged_out' });
  });

  app.get('/sessions', { schema: SCHEMAS.list }, async (request, reply) => {
    const found = await loggedIn(request, reply);
    if (found === undefined) return reply;
    const list = await store.listUser(found.userId);
    if (list === undefined) return unsupported(reply);
    const logins = list.map(({ handle, createdAtMs }) => {
      return { handle, created_at_ms: createdAtMs, current: handle === found.session.handle };
    });
    return reply.send({ logins });
  });

  app.delete<ByHandle>('/sessions/:handle', { schema: SCHEMAS.endLogin }, async (request, reply) => {
    const found = await loggedIn(request, reply);
    if (found === undefined) return reply;
    const ended = await store.destroyLogin(found.userId, request.params.handle);
    if (ended === undefined) return unsupported(reply);
    return ended ? reply.send({ ended: 1 }) : refuse(reply, 404, 'no_such_login');
  });

  const endLogins = (keepCurrent: boolean) => async (request: FastifyRequest, reply: FastifyReply) => {
    const found = await loggedIn(request, reply);
    if (found === undefined) return reply;
    const ended = await store.revokeUser(found.userId, keepCurrent ? found.token : undefined);
    if (ended === undefined) return unsupported(reply);
    if (!keepCurrent) transport.clear(reply);
    return reply.send({ ended });
  };
  app.post('/logout/others', { schema: SCHEMAS.endLogins }, endLogins(true));
  app.post('/logout/all', { schema: SCHEMAS.endLogins }, endLogins(false));

  /** True when the request comes from the administrator; has replied otherwise. */
  async function isAdmin(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const found = await loggedIn(request, reply);
    if (found === undefined) return false;
    if (found.session.role === 'admin') return true;
    await refuse(reply, 403, 'forbidden');
    return false;
  }

  app.post<ById>('/admin/users/:id/revoke', { schema: SCHEMAS.admin }, async (request, reply) => {
    if (!(await isAdmin(request, reply))) return reply;
    const ended = await store.revokeUser(request.params.id);
    return ended === undefined ? unsupported(reply) : reply.send({ ended });
  });

  app.post<Disable>('/admin/users/:id/disable', { schema: SCHEMAS.disable }, async (request, reply) => {
    if (!(await isAdmin(request, reply))) return reply;
    const ended = await store.setDisabled(request.params.id, request.body.disabled);
    return ended === undefined ? unsupported(reply) : reply.send({ ended });
  });
}
