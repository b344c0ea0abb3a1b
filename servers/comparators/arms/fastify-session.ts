/** fastify with @fastify/session and connect-redis. */

import fastifyCookie from '@fastify/cookie';
import fastifySessionPlugin, { type FastifySessionOptions } from '@fastify/session';
import { RedisStore } from 'connect-redis';
import type { ServerConfig } from '../../config.ts';
import { SESSION_COOKIE } from '../../protocol.ts';
import { type Arm, COOKIE, type OnError, type State } from './arm.ts';
import { fastifyArm } from './fastify-arm.ts';
import { openRedis } from './redis.ts';

declare module 'fastify' {
  interface Session {
    state?: State;
  }
}

export async function createServer(config: ServerConfig, onError: OnError): Promise<Arm> {
  const { secret, namespace, idleSeconds: ttl, options } = config;
  const { client, ...service } = await openRedis(config, onError);
  const store = new RedisStore({ client, prefix: `${namespace}:`, ttl });
  return fastifyArm(config, onError, service, {
    async install(app) {
      await app.register(fastifyCookie);
      await app.register(fastifySessionPlugin, {
        secret,
        cookieName: SESSION_COOKIE,
        cookie: COOKIE,
        // Its README names connect-redis, whose types are those of express-session.
        store: store as unknown as NonNullable<FastifySessionOptions['store']>,
        saveUninitialized: false,
        rolling: options['rolling'] !== 'off',
      });
    },
    read: ({ session }) => session.state,
    async begin(request, _reply, state) {
      await request.session.regenerate();
      request.session.state = state;
    },
    save({ session }, _reply, state) {
      session.state = state;
    },
    async end(request, reply) {
      await request.session.destroy();
      reply.clearCookie(SESSION_COOKIE, COOKIE);
    },
  });
}
