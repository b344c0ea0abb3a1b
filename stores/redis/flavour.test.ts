import { expect, test } from 'vitest';
import { flavourOf } from './inspect.ts';

test.each([
  [
    { redis_version: '7.2.5', server_name: 'redis', executable: '/usr/bin/redis-server' },
    '7.2.5',
    'redis-server',
  ],
  [
    { redis_version: '7.2.4', server_name: 'valkey', valkey_version: '8.1.1' },
    'Valkey 8.1.1',
    'valkey-server',
  ],
  [{ redis_version: '6.3.4', executable: '/usr/bin/keydb-server' }, 'KeyDB 6.3.4', 'keydb-server'],
  [{ redis_version: '7.0.0', kvrocks_version: '2.9.0' }, 'Kvrocks 2.9.0', 'kvrocks'],
  [{ redis_version: '7.2.4', redict_version: '7.3.0' }, 'Redict 7.3.0', 'redict-server'],
  [{ redis_version: '6.2.11', dragonfly_version: 'df-v1.15.0' }, 'Dragonfly v1.15.0', 'dragonfly'],
  [{ redis_version: '7.0', server_name: 'other' }, 'other 7.0', 'redis-server'],
])('%j is named %s, and runs as %s', (info, version, program) =>
  expect(flavourOf(new Map(Object.entries(info)))).toEqual({ version, program }),
);
