import { hash, timingSafeEqual } from 'node:crypto';
import { type FastifyError, type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import { StoreUnavailableError } from '../stores/store.ts';
import type { ServerConfig } from './config.ts';
import { addHandicap } from './handicap.ts';
import { ORIGIN, SERVER_HEADER } from './protocol.ts';
import { type AppParts, registerRoutes } from './routes.ts';

/** Longest body taken: 64 KiB of data, each byte escaped at worst, and its envelope. */
const BODY_LIMIT_BYTES = 512 * 1024;

/** The application on one backend. It never listens: the caller does. */
export function createApp(parts: AppParts): FastifyInstance {
  const { config, onError } = parts;
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    // A URL that cannot be decoded: answered like any other bad request, without repeating it.
    frameworkErrors: (_error, _request, reply) => {
      (reply as unknown as FastifyReply).code(400).send({ error: 'bad_request' });
    },
    // Longer than any balancer keeps an idle connection, so that the balancer closes first.
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(SERVER_HEADER, config.id).header('cache-control', 'no-store');
    const { origin } = request.headers;
    const writes = request.method !== 'GET' && request.method !== 'HEAD';
    if (writes && origin !== undefined && origin !== ORIGIN)
      reply.code(403).send({ error: 'foreign_origin' });
    else done();
  });
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
  registerRoutes(app, parts, credentialCheck(config));
  return app;
}

/**
 * Checks a password against a precomputed one in constant time. No slow password hash: it would cost
 * a thousand times what a session does, and drown what is measured here.
 */
function credentialCheck(config: ServerConfig): (password: string, admin: boolean) => boolean {
  const user = digest(config.password);
  const admin = digest(config.adminPassword);
  return (password, asAdmin) => timingSafeEqual(digest(password), asAdmin ? admin : user);
}

/** Equal lengths for the comparison, whatever was typed. */
function digest(password: string): Buffer {
  return hash('sha256', password, 'buffer');
}
