import { afterAll, beforeAll } from 'vitest';
import { jwtBlacklist } from '../jwt-blacklist/backend.ts';
import { describeStoreAside } from '../suite/aside.ts';
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

describeStoreAside('postgres', subject);
describeStoreAside('postgres, durability none', { ...subject, durability: 'none' });
describeStoreAside('postgres, durability commit', { ...subject, durability: 'commit' });
describeStoreAside('postgres, write=lww', { ...subject, options: { write: 'lww' } });
describeStoreAside('postgres, reads=pool', { ...subject, options: { reads: 'pool' } });
describeStoreAside('postgres, touch=async', {
  ...subject,
  durability: 'commit',
  options: { touch: 'async' },
});
describeStoreAside('jwt-blacklist, db=postgres', {
  definition: jwtBlacklist,
  serviceUrl,
  options: { db: 'postgres' },
});
describeStoreAside('jwt-blacklist, db=postgres, refresh=rotating', {
  definition: jwtBlacklist,
  serviceUrl,
  options: { db: 'postgres', refresh: 'rotating' },
});
