import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import type { ServerConfig } from '../../config.ts';
import { BODY_LIMIT_BYTES } from '../../protocol.ts';
import { comparatorOf } from '../comparator.ts';
import {
  type Arm,
  behindProxy,
  loginCheck,
  type OnError,
  type Service,
  type State,
  updatedState,
  visitorState,
} from './arm.ts';

/** What a library does with the session of a request. */
export interface FastifySessions {
  /** Registers its plugins. */
  install(app: FastifyInstance): Promise<void>;
  /** The session of the request; `undefined` without one. */
  read(request: FastifyRequest): State | undefined | Promise<State | undefined>;
  /** Begins a session, under a new id where it has one. */
  begin(request: FastifyRequest, reply: FastifyReply, state: State): void | Promise<void>;
  /** Replaces the state of the current session. */
  save(request: FastifyRequest, reply: FastifyReply, state: State): void | Promise<void>;
  end(request: FastifyRequest, reply: FastifyReply): void | Promise<void>;
}

/** The endpoints of our servers, on fastify. */
export async function fastifyArm(
  config: ServerConfig,
  onError: OnError,
  service: Service,
  sessions: FastifySessions,
): Promise<Arm> {
  // As the READMEs ask where TLS ends at a proxy.
  const app = fastify({ trustProxy: true, bodyLimit: BODY_LIMIT_BYTES, forceCloseConnections: 'idle' });
  behindProxy(app.server, config);
  app.setNotFoundHandler((_request, reply) => refuse(reply, 404, 'not_found'));
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const { statusCode = 500 } = error;
    if (statusCode >= 500) onError(error);
    return refuse(reply, statusCode, statusCode >= 500 ? 'internal' : 'bad_request');
  });
  // Outside of the sessions: balancers ask often.
  app.get('/healthz', () => ({ status: 'ok' }));
  await app.register(async (scope) => {
    await sessions.install(scope);
    registerLogin(scope, config, sessions);
    registerSession(scope, sessions);
  });
  await app.ready();
  return {
    ...comparatorOf(app.server),
    roundTrips: service.roundTrips,
    async close() {
      await app.close();
      await service.close();
    },
  };
}

function registerLogin(app: FastifyInstance, config: ServerConfig, sessions: FastifySessions): void {
  const check = loginCheck(config);
  app.post('/visit', async (request, reply) => {
    await sessions.begin(request, reply, visitorState(config));
    return { user: null };
  });
  app.post('/login', async (request, reply) => {
    const state = check(request.body);
    if (state === 'bad_request') return refuse(reply, 400, state);
    if (state === 'bad_credentials') return refuse(reply, 401, state);
    await sessions.begin(request, reply, state);
    const { user, role } = state;
    return { user, role };
  });
  app.post('/logout', async (request, reply) => {
    await sessions.end(request, reply);
    return { status: 'logged_out' };
  });
}

function registerSession(app: FastifyInstance, sessions: FastifySessions): void {
  app.get('/session', async (request, reply) => {
    const state = await sessions.read(request);
    if (state === undefined) return refuse(reply, 401, 'unauthenticated');
    const { user, role, version, data } = state;
    return { user, role, version, data };
  });
  app.patch('/session', async (request, reply) => {
    const state = await sessions.read(request);
    if (state === undefined) return refuse(reply, 401, 'unauthenticated');
    const next = updatedState(state, request.body);
    if (next === undefined) return refuse(reply, 400, 'bad_request');
    await sessions.save(request, reply, next);
    return { user: next.user, version: next.version, bytes: Buffer.byteLength(next.data) };
  });
  app.post('/session/rotate', async (request, reply) => {
    const state = await sessions.read(request);
    if (state === undefined) return refuse(reply, 401, 'unauthenticated');
    await sessions.begin(request, reply, state);
    return { user: state.user, role: state.role };
  });
}

function refuse(reply: FastifyReply, status: number, error: string): FastifyReply {
  return reply.code(status).send({ error });
}
