/** express-session as a middleware, behind the endpoints of our servers. */

import type { Request, RequestHandler } from 'express';
import { SESSION_COOKIE } from '../../protocol.ts';
import { COOKIE, type State } from './arm.ts';
import type { ExpressSessions } from './express-arm.ts';

declare module 'express-session' {
  interface SessionData {
    state: State;
  }
}

/** What this middleware, an express-session, does with the session of a request. */
export function middlewareSessions(middleware: RequestHandler): ExpressSessions {
  return {
    install: (app) => void app.use(middleware),
    read: (request) => sessionOf(request).state,
    async begin(request, _response, state) {
      await called((done) => sessionOf(request).regenerate(done));
      request.session.state = state;
    },
    save(request, _response, state) {
      sessionOf(request).state = state;
      return Promise.resolve();
    },
    async end(request, response) {
      await called((done) => sessionOf(request).destroy(done));
      response.clearCookie(SESSION_COOKIE, COOKIE);
    },
  };
}

/** @throws Error while the store is disconnected: express-session then serves without sessions. */
function sessionOf({ session }: Request): Request['session'] {
  if ((session as Request['session'] | undefined) === undefined) throw new Error('the store is disconnected');
  return session;
}

/** Resolves when the library has called back. */
function called(call: (done: (error: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => (error ? reject(error) : resolve()));
  });
}
