import { type FastifyError, type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import type { StoreUnavailableError } from '../stores/store.ts';
import { replyToClientError } from './client-error.ts';
import { addHandicap } from './handicap.ts';
import { registerInnerRoutes } from './inner-routes.ts';
import { BODY_LIMIT_BYTES, ORIGIN, SERVER_HEADER } from './protocol.ts';
import { type AppParts, createRouteContext, type RouteContext } from './route-context.ts';
import { registerRoutes } from './routes.ts';

/** The application on one backend. The caller makes it listen. */
export function createApp(parts: AppParts): FastifyInstance {
  const { config, onError } = parts;
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    // A URL that cannot be decoded gets the usual 400, without repeating it. No hook runs for it.
    frameworkErrors: (_error, _request, reply) => {
      setServerHeader(reply as unknown as FastifyReply, config.id);
      (reply as unknown as FastifyReply).code(400).send({ error: 'bad_request' });
    },
    clientErrorHandler: replyToClientError(config.id),
    // Longer than any balancer keeps an idle connection, so that the balancer closes first.
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  });
  // Without it forms cannot write. csrf.ts covers browsers that send neither Origin nor Sec-Fetch-Site.
  app.removeContentTypeParser('text/plain');
  const context = createRouteContext(parts);
  app.addHook('onClose', async () => context.log.close());
  addRequestHook(app, context);
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not_found' }));
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    if (isUnavailable(error)) {
      onError(error);
      return reply.code(503).header('retry-after', '1').send({ error: 'store_unavailable' });
    }
    const status = error.statusCode ?? 500;
    if (status >= 500) onError(error);
    return reply.code(status).send({ error: status >= 500 ? 'internal' : 'bad_request' });
  });
  if (config.handicap !== undefined) addHandicap(app, config.handicap, parts);
  registerRoutes(app, context);
  // Only within: a server that browsers reach does not have it.
  if (config.inner !== undefined && config.inner.urls === undefined) registerInnerRoutes(app, context);
  return app;
}

function setServerHeader(reply: FastifyReply, id: string): void {
  reply.header(SERVER_HEADER, id).header('cache-control', 'no-store');
}

/** The work at the start of every request, in one hook: a second hook would show in the measurements. */
function addRequestHook(app: FastifyInstance, { config, csrf }: RouteContext): void {
  // Browsers do not add an Authorization header by themselves, so no other site can forge a bearer request.
  const isGuarded = config.transport === 'cookie';
  app.addHook('onRequest', (request, reply, done) => {
    setServerHeader(reply, config.id);
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

/** By its code: a module of the user's has a class of its own. */
function isUnavailable(error: Error): boolean {
  const code: StoreUnavailableError['code'] = 'STORE_UNAVAILABLE';
  return 'code' in error && error.code === code;
}
