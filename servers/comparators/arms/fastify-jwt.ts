/** fastify with @fastify/jwt and its option `cookie`: a token signed by HS256, which holds the session. */

import fastifyCookie from '@fastify/cookie';
import fastifyJwtPlugin from '@fastify/jwt';
import type { FastifyReply } from 'fastify';
import type { ServerConfig } from '../../config.ts';
import { SESSION_COOKIE } from '../../protocol.ts';
import { type Arm, COOKIE, NO_SERVICE, type OnError, type State } from './arm.ts';
import { refuseLongCookies } from './cookie-limit.ts';
import { fastifyArm } from './fastify-arm.ts';

export function createServer(config: ServerConfig, onError: OnError): Promise<Arm> {
  const issue = async (reply: FastifyReply, { user, role, version, data }: State) => {
    reply.setCookie(SESSION_COOKIE, await reply.jwtSign({ user, role, version, data }), COOKIE);
  };
  return fastifyArm(config, onError, NO_SERVICE, {
    async install(app) {
      await app.register(fastifyCookie);
      await app.register(fastifyJwtPlugin, {
        secret: config.secret,
        cookie: { cookieName: SESSION_COOKIE, signed: false },
        sign: { expiresIn: `${config.idleSeconds}s` },
      });
      refuseLongCookies(app);
    },
    async read(request) {
      try {
        return await request.jwtVerify<State>({ onlyCookie: true });
      } catch (error) {
        // No token, or one that is not valid.
        if ((error as { statusCode?: number }).statusCode === 401) return undefined;
        throw error;
      }
    },
    begin: (_request, reply, state) => issue(reply, state),
    save: (_request, reply, state) => issue(reply, state),
    end: (_request, reply) => void reply.clearCookie(SESSION_COOKIE, COOKIE),
  });
}
