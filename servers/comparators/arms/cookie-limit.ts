import type { FastifyInstance } from 'fastify';
import { COOKIE_LIMIT_BYTES } from '../../protocol.ts';

/**
 * Refuses with 413 what a browser would not store, as our servers do: these libraries set a cookie of any length. To be
 * called after the plugin of the library, whose cookie is set when the reply is sent.
 */
export function refuseLongCookies(app: FastifyInstance): void {
  app.addHook('onSend', (_request, reply, payload, done) => {
    const cookies = [reply.getHeader('set-cookie') ?? []].flat().map(String);
    if (cookies.every((cookie) => Buffer.byteLength(cookie.split(';', 1)[0] ?? '') <= COOKIE_LIMIT_BYTES)) {
      done(null, payload);
      return;
    }
    reply.removeHeader('set-cookie').removeHeader('content-length').code(413);
    done(null, JSON.stringify({ error: 'session_too_large' }));
  });
}
