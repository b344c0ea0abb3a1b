import { afterAll, beforeAll } from 'vitest';
import type { Durability } from '../service.ts';
import { describeStore } from '../suite/store-suite.ts';
import { mariadb } from './backend.ts';
import { type MariadbFixture, startMariadbFixture } from './fixture.ts';

/** A server of each durability: unlike Postgres, no connection can have one of its own. */
const services = new Map<Durability, MariadbFixture>();

// Where this machine has none, the error says what to do about it.
beforeAll(async () => {
  for (const durability of ['none', 'second', 'commit'] as const)
    services.set(durability, await startMariadbFixture(durability));
});
afterAll(() => Promise.all([...services.values()].map((service) => service.stop())));

const subject = (durability: Durability = 'second', options = {}) => ({
  definition: mariadb,
  durability,
  options,
  serviceUrl: () => Promise.resolve(services.get(durability)?.url ?? ''),
});

describeStore('mariadb', subject());
describeStore('mariadb, durability none', subject('none'));
describeStore('mariadb, durability commit', subject('commit'));
describeStore('mariadb, write=lww', subject('second', { write: 'lww' }));
describeStore('mariadb, driver=mysql2', subject('second', { driver: 'mysql2' }));
describeStore(
  'mariadb, driver=mysql2, write=lww, durability none',
  subject('none', { driver: 'mysql2', write: 'lww' }),
);
