import { redisService } from '../redis/service.ts';
import { traitsOfService, traitsOfToken } from '../traits.ts';
import {
  type ComparatorDefinition,
  failing,
  LAST_WRITE_WINS,
  NO_CSRF_DEFENCE,
  STARTS_EMPTY,
  WRITES_BACK,
} from './definition.ts';

/** fastify with @fastify/session, in Redis. */
export const fastifySession: ComparatorDefinition = {
  name: 'fastify-session',
  summary: 'fastify with @fastify/session, in connect-redis',
  options: {
    rolling: {
      meaning: 'on: each read also writes the whole session (its default). off: the option rolling',
      values: ['on', 'off'],
      named: true,
      compared: ['on', 'off'],
    },
  },
  service: () => redisService,
  connections: () => 1,
  offers: () => [],
  declaredTraits: (_options, durability) => traitsOfService(LAST_WRITE_WINS, durability),
  known: () => failing({ ...NO_CSRF_DEFENCE, ...STARTS_EMPTY, ...WRITES_BACK }),
  packages: () => ['fastify', '@fastify/cookie', '@fastify/session', 'connect-redis', 'redis'],
};

const WITHOUT_SERVICE = {
  options: {},
  service: () => undefined,
  connections: () => 0,
  offers: () => [],
};

/** fastify with @fastify/secure-session: the session encrypted in the cookie. */
export const fastifySecureSession: ComparatorDefinition = {
  ...WITHOUT_SERVICE,
  name: 'fastify-secure-session',
  summary: 'fastify with @fastify/secure-session: encrypted in the cookie, by libsodium',
  declaredTraits: () => traitsOfToken(false),
  known: () => failing({ ...NO_CSRF_DEFENCE, ...STARTS_EMPTY }),
  packages: () => ['fastify', '@fastify/secure-session'],
};

const WITHOUT_STATUS =
  'A token with a header that cannot be used gets a 500: the error of the library has no status.';

const OF_TOKENS = {
  '4a': 'A token that is issued again within the same second is the same token.',
  5: 'A token is not an id: it holds its user and the second of its issue.',
  26: WITHOUT_STATUS,
  27: WITHOUT_STATUS,
  29: WITHOUT_STATUS,
  30: 'The token has no nbf: the library sets iat and exp alone.',
  31: 'The token names no issuer and no audience: the library asks for them when it is told to.',
  32: 'Tokens of any type are accepted, if they are signed by the same key.',
  46: WITHOUT_STATUS,
} as const;

/** fastify with @fastify/jwt in a cookie. */
export const fastifyJwt: ComparatorDefinition = {
  ...WITHOUT_SERVICE,
  name: 'fastify-jwt',
  summary: 'fastify with @fastify/jwt: a token in a cookie, signed by HS256',
  declaredTraits: () => traitsOfToken(true),
  known: () => failing({ ...NO_CSRF_DEFENCE, ...STARTS_EMPTY, ...OF_TOKENS }),
  packages: () => ['fastify', '@fastify/cookie', '@fastify/jwt'],
};
