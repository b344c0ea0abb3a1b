/**
 * A site with express and express-session at its defaults: the "user login" example of its README as an API of JSON.
 * What is not of that example: POST for logout, so that no GET changes a session by the app's choice; the paths and
 * bodies, which are those of our servers; a visit, and a change of id by the library's own `regenerate`.
 */

import { createServer as createHttpServer } from 'node:http';
import express, { type NextFunction, type Request, type Response } from 'express';
import session from 'express-session';
import { payloadFor } from '../protocol.ts';
import { type Comparator, type ComparatorConfig, comparatorOf, query } from './comparator.ts';

declare module 'express-session' {
  interface SessionData {
    user: string | null;
    data: string;
  }
}

const UNAUTHENTICATED = { error: 'unauthenticated' };
const BAD_REQUEST = { error: 'bad_request' };

export function createServer(config: ComparatorConfig): Promise<Comparator> {
  const app = express();
  // The three options that the README asks for, with the values of its example of a login. All others are defaults:
  // MemoryStore, and a cookie `connect.sid` with Path=/ and HttpOnly.
  app.use(session({ secret: config.secret, resave: false, saveUninitialized: true }));

  app.post('/visit', (_request, response) => {
    response.json({ user: null });
  });

  app.post('/login', express.json(), (request, response, next) => {
    const { user, password } = (request.body ?? {}) as Record<string, unknown>;
    if (typeof user !== 'string' || user === '' || typeof password !== 'string') {
      response.status(400).json(BAD_REQUEST);
      return;
    }
    if (password !== config.password) {
      response.status(401).json({ error: 'bad_credentials' });
      return;
    }
    begin(request, next, user, payloadFor(user, 0, config.payloadBytes), () => response.json({ user }));
  });

  app.get('/session', isAuthenticated, ({ session: { user, data } }, response) => {
    response.json({ user, data });
  });

  app.patch('/session', isAuthenticated, express.json(), async (request, response) => {
    const { data } = (request.body ?? {}) as Record<string, unknown>;
    if (typeof data !== 'string') {
      response.status(400).json(BAD_REQUEST);
      return;
    }
    await query();
    request.session.data = data;
    response.json({ user: request.session.user });
  });

  app.post('/session/rotate', isAuthenticated, (request, response, next) => {
    const { user = null, data = '' } = request.session;
    begin(request, next, user, data, () => response.json({ user }));
  });

  // As in the README: an old id that is used again has no user, and the session gets another id.
  app.post('/logout', (request, response, next) => {
    request.session.user = null;
    request.session.save((error) => {
      if (error) return next(error);
      request.session.regenerate((cause) => {
        if (cause) return next(cause);
        response.json({ status: 'logged_out' });
      });
    });
  });

  return Promise.resolve(comparatorOf(createHttpServer(app)));
}

/** As in the README: `regenerate` "to help guard against forms of session fixation", then `save`. */
function begin(
  request: Request,
  next: NextFunction,
  user: string | null,
  data: string,
  done: () => void,
): void {
  request.session.regenerate((error) => {
    if (error) return next(error);
    request.session.user = user;
    request.session.data = data;
    request.session.save((cause) => {
      if (cause) return next(cause);
      done();
    });
  });
}

function isAuthenticated(request: Request, response: Response, next: NextFunction): void {
  if (request.session.user) next();
  else response.status(401).json(UNAUTHENTICATED);
}
