/** express with iron-session: the session is sealed into the cookie. */

import type { Request, Response } from 'express';
import { getIronSession } from 'iron-session';
import type { ServerConfig } from '../../config.ts';
import { SESSION_COOKIE } from '../../protocol.ts';
import { type Arm, COOKIE, NO_SERVICE, type OnError, type State } from './arm.ts';
import { expressArm } from './express-arm.ts';

export function createServer(config: ServerConfig, onError: OnError): Promise<Arm> {
  const settings = {
    password: config.secret,
    cookieName: SESSION_COOKIE,
    ttl: config.idleSeconds,
    // A cookie of the browser's session, as those of the others; the seal itself expires after `ttl`.
    cookieOptions: { ...COOKIE, maxAge: undefined },
  };
  const sessionOf = (request: Request, response: Response) =>
    getIronSession<{ state: State }>(request, response, settings);
  async function write(request: Request, response: Response, state: State): Promise<void> {
    const session = await sessionOf(request, response);
    session.state = state;
    await session.save().catch((error: Error) => {
      throw /too big/.test(error.message) ? Object.assign(error, { status: 413 }) : error;
    });
  }
  return Promise.resolve(
    expressArm(config, onError, NO_SERVICE, {
      read: async (request, response) => (await sessionOf(request, response)).state,
      begin: write,
      save: write,
      async end(request, response) {
        (await sessionOf(request, response)).destroy();
      },
    }),
  );
}
