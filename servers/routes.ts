import type { FastifyInstance } from 'fastify';
import { registerAccountRoutes } from './account-routes.ts';
import { registerDeviceRoutes } from './device-routes.ts';
import { registerLoginRoutes } from './login-routes.ts';
import { type RouteContext, refuse, unauthenticated } from './route-context.ts';
import { SCHEMAS } from './schemas.ts';

type Update = { Body: { data: string; version?: number } };

const LONE_SURROGATE = /\p{Surrogate}/u;

/** The endpoints, identical for all backends. */
export function registerRoutes(app: FastifyInstance, context: RouteContext): void {
  app.get('/healthz', { schema: SCHEMAS.healthz }, (_request, reply) => reply.send({ status: 'ok' }));
  registerLoginRoutes(app, context);
  registerSessionRoutes(app, context);
  registerDeviceRoutes(app, context);
  registerAccountRoutes(app, context);
}

function registerSessionRoutes(app: FastifyInstance, context: RouteContext): void {
  const { store, transport, csrf, inner, log, current, rotate, replyToLogin, note } = context;

  app.get('/session', { schema: SCHEMAS.read }, async (request, reply) => {
    const found = await current(request, reply);
    if (found === undefined) return unauthenticated(reply);
    if (inner !== undefined && !(await inner.confirm(request, found.session))) return unauthenticated(reply);
    const { userId, role, version, data } = found.session;
    return reply.send({ user: userId ?? null, role, version, data });
  });

  app.patch<Update>('/session', { schema: SCHEMAS.update }, async (request, reply) => {
    const found = await current(request, reply);
    if (found === undefined) return unauthenticated(reply);
    const { data, version = found.session.version } = request.body;
    // A lone surrogate, which JSON can express: stores that keep UTF-8 would return something else.
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
    const result = await rotate(request, found);
    if (result === undefined) return unauthenticated(reply);
    if (log.isOn && result.status === 'created') await note('rotate', result.token);
    return replyToLogin(reply, result, found.session.userId ?? null, found.session.role);
  });

  app.get('/csrf', { schema: SCHEMAS.csrf }, async (request, reply) => {
    const found = await current(request, reply);
    if (found === undefined) return unauthenticated(reply);
    return reply.send({ token: csrf.tokenFor(found.session.handle) });
  });
}
