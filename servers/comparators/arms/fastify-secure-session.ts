/** fastify with @fastify/secure-session: the session is encrypted into the cookie. */

import secureSession from '@fastify/secure-session';
import type { FastifyRequest } from 'fastify';
import type { ServerConfig } from '../../config.ts';
import { deriveKey } from '../../derived-key.ts';
import { SESSION_COOKIE } from '../../protocol.ts';
import { type Arm, COOKIE, NO_SERVICE, type OnError, type State } from './arm.ts';
import { refuseLongCookies } from './cookie-limit.ts';
import { fastifyArm } from './fastify-arm.ts';

/** What is used of its session. Its own types and those of @fastify/session describe one property of a request. */
interface Session {
  get(key: 'state'): State | undefined;
  set(key: 'state', value: State): void;
  delete(): void;
}
const sessionOf = (request: FastifyRequest) => (request as unknown as { session: Session }).session;

export function createServer(config: ServerConfig, onError: OnError): Promise<Arm> {
  return fastifyArm(config, onError, NO_SERVICE, {
    async install(app) {
      await app.register(secureSession, {
        key: deriveKey(config, 'secure-session'),
        cookieName: SESSION_COOKIE,
        cookie: COOKIE,
        expiry: config.idleSeconds,
      });
      refuseLongCookies(app);
    },
    read: (request) => sessionOf(request).get('state'),
    begin: (request, _reply, state) => sessionOf(request).set('state', state),
    save: (request, _reply, state) => sessionOf(request).set('state', state),
    end: (request) => sessionOf(request).delete(),
  });
}
