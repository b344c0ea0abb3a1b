/**
 * better-auth with email and password and a database in memory, at its defaults, behind its own endpoints. What is not
 * a default: `baseURL`, which every site sets; the limit of requests, which is off; and the hash of passwords.
 */

import { createHmac } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { toNodeHandler } from 'better-auth/node';
import { ORIGIN } from '../protocol.ts';
import { type Comparator, type ComparatorConfig, comparatorOf } from './comparator.ts';

/** Accounts are made at the start: `user1@site.test` and so on, as the contract lists them. */
const USERS = 12;

export async function createServer(config: ComparatorConfig): Promise<Comparator> {
  // Its own is scrypt of some 50 ms, and the checks make thousands of logins. What a hash costs is not what they look at.
  const hashOf = (password: string) =>
    createHmac('sha256', config.secret).update(password).digest('base64url');
  const auth = betterAuth({
    // As deployed: by https, behind a proxy where TLS ends.
    baseURL: ORIGIN,
    secret: config.secret,
    // better-auth's own database for development. Without any, sessions would be kept in the cookie.
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    emailAndPassword: {
      enabled: true,
      password: {
        hash: async (password) => hashOf(password),
        verify: async ({ hash, password }) => hash === hashOf(password),
      },
    },
    // On by default in production, at three logins in ten seconds from an address: the checks make hundreds.
    rateLimit: { enabled: false },
  });
  const names = Array.from({ length: USERS }, (_, index) => `user${index + 1}`);
  for (const name of names)
    await auth.api.signUpEmail({
      body: { name, email: `${name}@site.test`, password: config.password },
    });
  const handle = toNodeHandler(auth);
  return comparatorOf(createHttpServer((request, response) => void handle(request, response)));
}
