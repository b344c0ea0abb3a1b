import { afterAll, beforeAll } from 'vitest';
import { type Guard, openGuard } from '../../bench/environment/guard.ts';
import type { StartedService } from '../../bench/environment/services/service.ts';
import { startService } from '../../bench/environment/services/start.ts';
import { jwtBlacklist } from '../jwt-blacklist/backend.ts';
import { describeStoreAside } from '../suite/aside.ts';
import { postgres } from './backend.ts';

/** Of the stores that an arm opens here, of 4 connections each; the arms run side by side. */
const MAX_CONNECTIONS = 8 * 60;

let guard: Guard | undefined;
let service: StartedService | undefined;

// Whichever Postgres this machine offers; when it offers none, the error says what to do about it.
beforeAll(async () => {
  guard = await openGuard();
  service = await startService('postgres', {
    tier: 'auto',
    durability: 'second',
    directory: guard.createDirectory('postgres-test').path,
    maxConnections: MAX_CONNECTIONS,
    guard,
  });
});
afterAll(async () => {
  await service?.stop();
  await guard?.close();
});

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
