/**
 * A site with fastify, @fastify/cookie and @fastify/session at their defaults, as in the README: `secret` alone is set.
 * The paths and bodies are those of our servers. A login and a change of id call `regenerate`, a logout `destroy`.
 */

import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import { type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { payloadFor } from '../protocol.ts';
import { type Comparator, type ComparatorConfig, comparatorOf, query } from './comparator.ts';

declare module 'fastify' {
  interface Session {
    user?: string;
    data?: string;
  }
}

const text = { type: 'string' } as const;
const LOGIN = {
  body: {
    type: 'object',
    required: ['user', 'password'],
    properties: { user: { ...text, minLength: 1 }, password: text },
  },
} as const;
const UPDATE = { body: { type: 'object', required: ['data'], properties: { data: text } } } as const;

type Login = { Body: { user: string; password: string } };
type Update = { Body: { data: string } };

export async function createServer(config: ComparatorConfig): Promise<Comparator> {
  // As the README asks where TLS ends at a proxy: else no cookie is set, for it is Secure.
  const app = fastify({ trustProxy: true });
  await app.register(fastifyCookie);
  // Defaults: a store in memory, a cookie `sessionId` with Path=/, HttpOnly and Secure, rolling, saveUninitialized.
  await app.register(fastifySession, { secret: config.secret });

  app.post('/visit', () => ({ user: null }));

  app.post<Login>('/login', { schema: LOGIN }, async (request, reply) => {
    const { user, password } = request.body;
    if (password !== config.password) return reply.code(401).send({ error: 'bad_credentials' });
    await request.session.regenerate();
    request.session.user = user;
    request.session.data = payloadFor(user, 0, config.payloadBytes);
    return { user };
  });

  app.get('/session', { preHandler: isAuthenticated }, ({ session: { user, data } }) => ({ user, data }));

  app.patch<Update>('/session', { schema: UPDATE, preHandler: isAuthenticated }, async (request) => {
    await query();
    request.session.data = request.body.data;
    return { user: request.session.user };
  });

  app.post('/session/rotate', { preHandler: isAuthenticated }, async (request) => {
    await request.session.regenerate(['user', 'data']);
    return { user: request.session.user };
  });

  app.post('/logout', async (request) => {
    await request.session.destroy();
    return { status: 'logged_out' };
  });

  await app.ready();
  return { ...comparatorOf(app.server), close: () => app.close() };
}

async function isAuthenticated(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (request.session.user === undefined) await reply.code(401).send({ error: 'unauthenticated' });
}
