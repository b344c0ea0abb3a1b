import { type FastifyError, type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import { StoreUnavailableError } from '../stores/store.ts';
import { answerClientError } from './client-error.ts';
import { addHandicap } from './handicap.ts';
import { BODY_LIMIT_BYTES, ORIGIN, SERVER_HEADER } from './protocol.ts';
import { type AppParts, createRouteContext, type RouteContext } from './route-context.ts';
import { registerRoutes } from './routes.ts';

/** The application on one backend. It never listens: the caller does. */
export function createApp(parts: AppParts): FastifyInstance {
  const { config, onError } = parts;
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    // A URL that cannot be decoded: answered like any other bad request, without repeating it. No hook sees it.
    frameworkErrors: (_error, _request, reply) => {
      nameServer(reply as unknown as FastifyReply, config.id);
      (reply as unknown as FastifyReply).code(400).send({ error: 'bad_request' });
    },
    clientErrorHandler: answerClientError(config.id),
    // Longer than any balancer keeps an idle connection, so that the balancer closes first.
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  });
  // With it goes all that a form of another site can send: see csrf.ts for the browsers that do not say where from.
  app.removeContentTypeParser('text/plain');
  const context = createRouteContext(parts);
  app.addHook('onClose', async () => context.log.close());
  beginReplies(app, context);
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not_found' }));
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    if (error instanceof StoreUnavailableError) {
      onError(error);
      return reply.code(503).header('retry-after', '1').send({ error: 'store_unavailable' });
    }
    const status = error.statusCode ?? 500;
    if (status >= 500) onError(error);
    return reply.code(status).send({ error: status >= 500 ? 'internal' : 'bad_request' });
  });
  if (config.handicap !== undefined) addHandicap(app, config.handicap, parts);
  registerRoutes(app, context);
  return app;
}

function nameServer(reply: FastifyReply, id: string): void {
  reply.header(SERVER_HEADER, id).header('cache-control', 'no-store');
}

/** What every request meets first, in one hook: a second one would be felt in what is measured. */
function beginReplies(app: FastifyInstance, { config, csrf }: RouteContext): void {
  // A header that says who asks is not sent by the browser of itself, so that no other site can make it.
  const isGuarded = config.transport === 'cookie';
  app.addHook('onRequest', (request, reply, done) => {
    nameServer(reply, config.id);
    const { method } = request;
    if (method === 'GET' || method === 'HEAD' || !isGuarded || request.headers.origin === ORIGIN)
      return done();
    csrf.refusalOf(request).then(
      (refusal) => {
        if (refusal === undefined) done();
        else reply.code(403).send({ error: refusal });
      },
      (error: Error) => done(error),
    );
  });
}
