import { createServer as createHttpServer } from 'node:http';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
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
export interface ExpressSessions {
  /** Adds its middleware, where it has one. */
  install?(app: Express): void;
  /** The session of the request; `undefined` without one. */
  read(request: Request, response: Response): State | undefined | Promise<State | undefined>;
  /** Begins a session under a new id. */
  begin(request: Request, response: Response, state: State): Promise<void>;
  /** Replaces the state of the current session. */
  save(request: Request, response: Response, state: State): Promise<void>;
  end(request: Request, response: Response): Promise<void>;
  /** Whether it has sessions without a user; default yes. */
  visits?: false;
  /** The status of an error without one, which the library or its store has reported; default 500. */
  failureStatus?: 503;
  /** Whether `begin` also gives a session another id; default yes. */
  rotates?: false;
}

/** An error of express or of a library, with the status of its reply. */
type Failure = Error & { status?: number; statusCode?: number };

const REFUSALS: Readonly<Record<number, string>> = {
  401: 'unauthenticated',
  413: 'session_too_large',
  503: 'store_unavailable',
};

/** The endpoints of our servers, on express. */
export function expressArm(
  config: ServerConfig,
  onError: OnError,
  service: Service,
  sessions: ExpressSessions,
): Arm {
  const app = express();
  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  sessions.install?.(app);
  registerLogin(app, config, sessions);
  registerSession(app, sessions);
  app.use((_request, response) => {
    refuse(response, 404, 'not_found');
  });
  // Express knows a handler of errors by its four parameters.
  app.use((error: Failure, _request: Request, response: Response, _next: NextFunction) => {
    const status = error.statusCode ?? error.status ?? sessions.failureStatus ?? 500;
    if (status >= 500) onError(error);
    // express-session reports a save that failed after it has let the reply go.
    if (response.headersSent) return;
    refuse(response, status, REFUSALS[status] ?? (status >= 500 ? 'internal' : 'bad_request'));
  });
  const site = comparatorOf(behindProxy(createHttpServer(app), config));
  return {
    ...site,
    roundTrips: service.roundTrips,
    async close() {
      await site.close();
      await service.close();
    },
  };
}

/** Passes what a handler rejects with on: express 4, which a module may bring, does not. */
function route(handle: (request: Request, response: Response) => Promise<unknown>) {
  return (request: Request, response: Response, next: NextFunction): void => {
    handle(request, response).catch(next);
  };
}

const json = () => express.json({ limit: BODY_LIMIT_BYTES });

function registerLogin(app: Express, config: ServerConfig, sessions: ExpressSessions): void {
  const check = loginCheck(config);
  app.post(
    '/visit',
    route(async (request, response) => {
      if (sessions.visits === false) return refuse(response, 501, 'unsupported_by_backend');
      await sessions.begin(request, response, visitorState(config));
      response.json({ user: null });
    }),
  );
  app.post(
    '/login',
    json(),
    route(async (request, response) => {
      const state = check(request.body);
      if (state === 'bad_request') return refuse(response, 400, state);
      if (state === 'bad_credentials') return refuse(response, 401, state);
      await sessions.begin(request, response, state);
      const { user, role } = state;
      response.json({ user, role });
    }),
  );
  app.post(
    '/logout',
    route(async (request, response) => {
      await sessions.end(request, response);
      response.json({ status: 'logged_out' });
    }),
  );
}

function registerSession(app: Express, sessions: ExpressSessions): void {
  app.get(
    '/session',
    route(async (request, response) => {
      const state = await sessions.read(request, response);
      if (state === undefined) return refuse(response, 401, 'unauthenticated');
      const { user, role, version, data } = state;
      response.json({ user, role, version, data });
    }),
  );
  app.patch(
    '/session',
    json(),
    route(async (request, response) => {
      const state = await sessions.read(request, response);
      if (state === undefined) return refuse(response, 401, 'unauthenticated');
      const next = updatedState(state, request.body);
      if (next === undefined) return refuse(response, 400, 'bad_request');
      await sessions.save(request, response, next);
      response.json({ user: next.user, version: next.version, bytes: Buffer.byteLength(next.data) });
    }),
  );
  app.post(
    '/session/rotate',
    route(async (request, response) => {
      if (sessions.rotates === false) return refuse(response, 501, 'unsupported_by_backend');
      const state = await sessions.read(request, response);
      if (state === undefined) return refuse(response, 401, 'unauthenticated');
      await sessions.begin(request, response, state);
      response.json({ user: state.user, role: state.role });
    }),
  );
}

function refuse(response: Response, status: number, error: string): void {
  response.status(status).json({ error });
}
