import { betterAuth } from './better-auth.ts';
import type { ComparatorDefinition } from './definition.ts';
import { expressSession } from './express-session.ts';
import { fastifyJwt, fastifySecureSession, fastifySession } from './fastify.ts';
import { ironSession } from './iron-session.ts';

/** Every library that is measured, in the order of `list` and of the tables. */
export const COMPARATORS: readonly ComparatorDefinition[] = [
  expressSession,
  fastifySession,
  fastifySecureSession,
  ironSession,
  fastifyJwt,
  betterAuth,
];
