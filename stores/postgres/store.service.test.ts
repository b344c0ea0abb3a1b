import { afterAll, beforeAll } from 'vitest';
import { type Guard, openGuard } from '../../bench/environment/guard.ts';
import type { StartedService } from '../../bench/environment/services/service.ts';
import { startService } from '../../bench/environment/services/start.ts';
import { jwtBlacklist } from '../jwt-blacklist/backend.ts';
import { describeStore } from '../suite/conformance.ts';
import { postgres } from './backend.ts';

/** Stores of one arm open at once here, of 4 connections each; the arms run one after the other. */
const MAX_CONNECTIONS = 60;

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
