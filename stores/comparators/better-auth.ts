import { postgresService } from '../postgres/service.ts';
import { traitsOfService } from '../traits.ts';
import { type ComparatorDefinition, failing, LAST_WRITE_WINS, NO_CSRF_DEFENCE } from './definition.ts';

const HOLDS = { outcome: 'pass', because: '' } as const;

/** These checks copy the session cookie alone. The scenario revocation keeps that of the cache as well. */
const WITHOUT_THE_CACHE = { 6: HOLDS, 14: HOLDS, 15: HOLDS, 16: HOLDS };

/** better-auth on express, in Postgres. */
export const betterAuth: ComparatorDefinition = {
  name: 'better-auth',
  summary: 'express with better-auth, in Postgres by the pool of pg',
  options: {
    'cookie-cache': {
      meaning: 'off: each read asks Postgres (its default). on: the option cookieCache, five minutes',
      values: ['off', 'on'],
      named: true,
      compared: ['off', 'on'],
    },
  },
  service: () => postgresService,
  connections: (_options, poolSize) => poolSize,
  offers: () => [],
  declaredTraits: (options, durability) => ({
    ...traitsOfService(LAST_WRITE_WINS, durability),
    ...(options['cookie-cache'] === 'on'
      ? { revocation: 'bounded', clientReadable: true, dataInToken: true }
      : {}),
  }),
  // It has neither sessions without a user nor a change of id.
  lacks: ['visit', 'rotate'],
  known: (options) => ({
    // Its own endpoints compare the origin. Here the app's endpoints call its API.
    ...failing(NO_CSRF_DEFENCE),
    ...(options['cookie-cache'] === 'on' ? WITHOUT_THE_CACHE : {}),
  }),
  packages: () => ['express', 'better-auth', 'pg'],
};
