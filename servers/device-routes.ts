import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type RouteContext, refuse, unsupported } from './route-context.ts';
import { SCHEMAS } from './schemas.ts';

type ByHandle = { Params: { handle: string } };

/** A user's own logins: to list them, and to end them from another one. */
export function registerDeviceRoutes(app: FastifyInstance, context: RouteContext): void {
  const { store, transport, log, loggedIn } = context;

  app.get('/sessions', { schema: SCHEMAS.list }, async (request, reply) => {
    const found = await loggedIn(request, reply);
    if (found === undefined) return reply;
    if (store.users === undefined) return unsupported(reply);
    const list = await store.users.list(found.userId);
    const logins = list.map(({ handle, createdAtMs }) => {
      return { handle, created_at_ms: createdAtMs, current: handle === found.session.handle };
    });
    return reply.send({ logins });
  });

  app.delete<ByHandle>('/sessions/:handle', { schema: SCHEMAS.endLogin }, async (request, reply) => {
    const found = await loggedIn(request, reply);
    if (found === undefined) return reply;
    if (store.users === undefined) return unsupported(reply);
    const { handle } = request.params;
    const ended = await store.users.destroyLogin(found.userId, handle);
    if (!ended) return refuse(reply, 404, 'no_such_login');
    log.write('end_login', { handle, user: found.userId });
    return reply.send({ ended: 1 });
  });

  const endLogins = (keepCurrent: boolean) => async (request: FastifyRequest, reply: FastifyReply) => {
    const found = await loggedIn(request, reply);
    if (found === undefined) return reply;
    if (store.users === undefined) return unsupported(reply);
    const ended = await store.users.revoke(found.userId, keepCurrent ? found.token : undefined);
    log.write('end_logins', { handle: found.session.handle, user: found.userId });
    if (!keepCurrent) transport.clear(reply);
    return reply.send({ ended });
  };
  app.post('/logout/others', { schema: SCHEMAS.endLogins }, endLogins(true));
  app.post('/logout/all', { schema: SCHEMAS.endLogins }, endLogins(false));
}
