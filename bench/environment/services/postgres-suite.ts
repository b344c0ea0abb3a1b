import pg from 'pg';
import { postgresService } from '../../../stores/postgres/service.ts';
import type { ServiceSuite } from './service-suite.ts';

const COMMON = {
  fsync: 'on',
  full_page_writes: 'on',
  shared_buffers: '256MB',
  wal_level: 'replica',
  // Those requested, and ten spare ones.
  max_connections: '30',
  autovacuum: 'on',
  checkpoint_timeout: '30min',
  max_wal_size: '4GB',
  jit: 'off',
  data_checksums: 'on',
};

/** Guarantees of Postgres on every tier. */
export const POSTGRES_SUITE: Omit<ServiceSuite, 'tier'> = {
  definition: postgresService,
  settings: {
    none: { ...COMMON, synchronous_commit: 'off' },
    second: { ...COMMON, synchronous_commit: 'off' },
    commit: { ...COMMON, synchronous_commit: 'on' },
  },
  async use(url) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      await client.query('create table if not exists example (id int primary key, data text)');
      await client.query(`insert into example values (1, 'value') on conflict (id) do nothing`);
      const { rows } = await client.query<{ data: string }>('select data from example');
      if (rows[0]?.data !== 'value') throw new Error('Postgres lost a value');
    } finally {
      await client.end();
    }
  },
};
