import { afterAll, beforeAll } from 'vitest';
import { jwtBlacklist } from '../jwt-blacklist/backend.ts';
import { describeStore } from '../suite/store-suite.ts';
import { postgres } from './backend.ts';
import { type PostgresFixture, startPostgresFixture } from './fixture.ts';

let service: PostgresFixture | undefined;

// Whichever Postgres this machine offers; when it offers none, the error says what to do about it.
beforeAll(async () => {
  service = await startPostgresFixture();
});
afterAll(() => service?.stop());

const serviceUrl = () => Promise.resolve(service?.url ?? '');
const subject = { definition: postgres, serviceUrl };

describeStore('postgres', subject);
describeStore('postgres, durability none', { ...subject, durability: 'none' });
describeStore('postgres, durability commit', { ...subject, durability: 'commit' });
describeStore('postgres, write=lww', { ...subject, options: { write: 'lww' } });
describeStore('postgres, reads=pool', { ...subject, options: { reads: 'pool' } });
describeStore('postgres, touch=async', { ...subject, durability: 'commit', options: { touch: 'async' } });
describeStore('jwt-blacklist, db=postgres', {
  definition: jwtBlacklist,
  serviceUrl,
  options: { db: 'postgres' },
});
describeStore('jwt-blacklist, db=postgres, refresh=rotating', {
  definition: jwtBlacklist,
  serviceUrl,
  options: { db: 'postgres', refresh: 'rotating' },
});
