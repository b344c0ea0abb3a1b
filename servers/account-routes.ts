import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refuseCredential } from './login-routes.ts';
import { ADMIN_USER } from './protocol.ts';
import {
  type CurrentUser,
  type RouteContext,
  refuse,
  refuseLogin,
  unauthenticated,
  unsupported,
} from './route-context.ts';
import { SCHEMAS } from './schemas.ts';

type Password = { Body: { current: string; next: string } };
type ById = { Params: { id: string } };
type Disable = ById & { Body: { disabled: boolean } };

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Changes to an account, by its user and by the administrator. */
export function registerAccountRoutes(app: FastifyInstance, context: RouteContext): void {
  registerPassword(app, context);
  registerAdministration(app, context);
}

function registerPassword(app: FastifyInstance, context: RouteContext): void {
  const { store, accounts, log, checkCredential, loggedIn, issue, note, rotate } = context;

  app.post<Password>('/password', { schema: SCHEMAS.password }, async (request, reply) => {
    const found = await loggedIn(request, reply);
    if (found === undefined) return reply;
    const { changeable } = accounts;
    if (changeable === undefined) return refuse(reply, 501, 'unsupported_by_server');
    const { userId: user, session } = found;
    const { current, next } = request.body;
    // A lone surrogate has no UTF-8 encoding: another password would match it.
    if (LONE_SURROGATE.test(next)) return refuse(reply, 400, 'bad_request');
    const verdict = await checkCredential(user, current);
    if (verdict.is !== 'right')
      return refuseCredential(reply, verdict.is, context, { user, handle: session.handle });
    // First: of several concurrent holders of this session only one continues, and nothing has changed for the others.
    const rotated = await rotate(request, found);
    if (rotated === undefined) return unauthenticated(reply);
    if (rotated.status !== 'created') return refuseLogin(reply, rotated);
    issue(reply, rotated);
    if (log.isOn) await note('rotate', rotated.token);
    // Twice. Before: if the store is down, nothing changes, for the thief could not be logged out. After: whoever knows
    // the old password could log in until it was changed.
    const before = await store.users?.revoke(user, rotated.token);
    const changed = await changeable.change(user, verdict.version, next);
    if (changed === 'conflict') return refuse(reply, 409, 'conflict');
    if (log.isOn) await note('password_changed', rotated.token, user);
    const after = await store.users?.revoke(user, rotated.token);
    const isKnown = before !== undefined && after !== undefined;
    return reply.send({ ended: isKnown ? before + after : null });
  });
}

function registerAdministration(app: FastifyInstance, { store, log, loggedIn }: RouteContext): void {
  /** The session of the administrator; `undefined` after it has sent a refusal. */
  async function admin(request: FastifyRequest, reply: FastifyReply): Promise<CurrentUser | undefined> {
    const found = await loggedIn(request, reply);
    if (found === undefined || found.session.role === 'admin') return found;
    await refuse(reply, 403, 'forbidden');
    return undefined;
  }

  app.post<ById>('/admin/users/:id/revoke', { schema: SCHEMAS.admin }, async (request, reply) => {
    const found = await admin(request, reply);
    if (found === undefined) return reply;
    if (store.users === undefined) return unsupported(reply);
    const { id: user } = request.params;
    const ended = await store.users.revoke(user);
    log.write('revoke', { handle: found.session.handle, user });
    return reply.send({ ended });
  });

  app.post<Disable>('/admin/users/:id/disable', { schema: SCHEMAS.disable }, async (request, reply) => {
    const found = await admin(request, reply);
    if (found === undefined) return reply;
    const { id: user } = request.params;
    const { disabled } = request.body;
    // Only the administrator could enable it again.
    if (disabled && user === ADMIN_USER) return refuse(reply, 403, 'forbidden');
    if (store.users === undefined) return unsupported(reply);
    const ended = await store.users.setDisabled(user, disabled);
    log.write(disabled ? 'disable' : 'enable', { handle: found.session.handle, user });
    return reply.send({ ended });
  });
}
