import type { FastifyInstance } from 'fastify';
import { INNER_PATH } from './protocol.ts';
import { type RouteContext, unauthenticated } from './route-context.ts';
import { SCHEMAS } from './schemas.ts';

/** The endpoint of an inner service; a server that browsers reach does not have it. */
export function registerInnerRoutes(app: FastifyInstance, context: RouteContext): void {
  const { inner, current } = context;
  app.get(INNER_PATH, { schema: SCHEMAS.inner }, async (request, reply) => {
    if (inner?.userOf !== undefined) {
      const known = await inner.userOf(request);
      return known === undefined ? unauthenticated(reply) : reply.send(known);
    }
    const found = await current(request, reply);
    return found === undefined ? unauthenticated(reply) : reply.send({ user: found.session.userId ?? null });
  });
}
