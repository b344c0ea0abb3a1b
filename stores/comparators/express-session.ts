import { postgresService } from '../postgres/service.ts';
import { redisService } from '../redis/service.ts';
import { traitsOfService } from '../traits.ts';
import {
  type ComparatorDefinition,
  failing,
  LAST_WRITE_WINS,
  NO_CSRF_DEFENCE,
  STARTS_EMPTY,
  WRITES_BACK,
} from './definition.ts';

/** express with express-session, and the store of a service that its users have. */
export const expressSession: ComparatorDefinition = {
  name: 'express-session',
  summary: 'express with express-session, in connect-redis or connect-pg-simple',
  options: {
    store: {
      meaning: 'connect-redis with the client redis, or connect-pg-simple with the pool of pg',
      values: ['redis', 'postgres'],
      named: true,
      compared: ['redis', 'postgres'],
    },
    touch: {
      meaning: 'on: each read also extends the lifetime in the store. off: the option disableTouch',
      values: ['on', 'off'],
    },
  },
  service: ({ store }) => (store === 'postgres' ? postgresService : redisService),
  connections: ({ store }, poolSize) => (store === 'postgres' ? poolSize : 1),
  offers: () => [],
  declaredTraits: (_options, durability) => traitsOfService(LAST_WRITE_WINS, durability),
  known: () => failing({ ...NO_CSRF_DEFENCE, ...STARTS_EMPTY, ...WRITES_BACK }),
  packages: ({ store }) => [
    'express',
    'express-session',
    ...(store === 'postgres' ? ['connect-pg-simple', 'pg'] : ['connect-redis', 'redis']),
  ],
};
