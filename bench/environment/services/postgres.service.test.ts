import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresDurabilityMatches } from '../../../stores/postgres/client.ts';
import { postgresArguments } from '../../../stores/postgres/server.ts';
import { postgresService } from '../../../stores/postgres/service.ts';
import { type Guard, openGuard, type TemporaryDirectory } from '../processes/guard.ts';
import { POSTGRES_SUITE } from './postgres-suite.ts';
import type { StartedService } from './service.ts';
import { describeService } from './service-suite.ts';
import { startService } from './start.ts';
import { describeUnreachable } from './unreachable-suite.ts';

describe.concurrent.each(['local', 'embedded'] as const)('%s, beside the other', (tier) => {
  describe.sequential('in turn', () => describeService({ ...POSTGRES_SUITE, tier }));
});

describe('postgresArguments', () => {
  it.each([
    ['none', 'off'],
    ['second', 'off'],
    ['commit', 'on'],
  ] as const)('durability %s: synchronous_commit %s, and fsync stays on', (durability, expected) => {
    const text = postgresArguments(1, 20, durability).join(' ');
    expect(text).toContain(`-c synchronous_commit=${expected} `);
    expect(text).toContain('-c fsync=on -c full_page_writes=on');
  });
});

describe('postgresDurabilityMatches', () => {
  const safe = { fsync: 'on', full_page_writes: 'on' };
  it.each([
    [
      { ...safe, synchronous_commit: 'on' },
      { none: false, second: false, commit: true },
    ],
    [
      { ...safe, synchronous_commit: 'off' },
      { none: true, second: true, commit: false },
    ],
    [
      { ...safe, fsync: 'off', synchronous_commit: 'on' },
      { none: false, second: false, commit: false },
    ],
    [
      { ...safe, full_page_writes: 'off', synchronous_commit: 'off' },
      { none: true, second: false, commit: false },
    ],
    [{}, { none: undefined, second: undefined, commit: undefined }],
  ])('%o', (settings, expected) => {
    for (const durability of ['none', 'second', 'commit'] as const) {
      expect(postgresDurabilityMatches(settings, durability)).toBe(expected[durability]);
    }
  });
});

describe('an external Postgres', () => {
  let guard: Guard;
  let directory: TemporaryDirectory;
  let own: StartedService;
  const request = () =>
    ({ durability: 'second', directory: directory.path, maxConnections: 10, guard }) as const;
  const use = (url: string, maxConnections = 10): Promise<StartedService> =>
    startService(postgresService, { ...request(), tier: 'url', url, maxConnections });
  const query = async (...texts: string[]): Promise<pg.QueryResult[]> => {
    const client = new pg.Client({ connectionString: own.url });
    await client.connect();
    try {
      const results: pg.QueryResult[] = [];
      for (const text of texts) results.push(await client.query(text));
      return results;
    } finally {
      await client.end();
    }
  };

  beforeAll(async () => {
    guard = await openGuard();
    directory = guard.createDirectory('postgres-url');
    own = await startService(postgresService, { ...request(), tier: 'local' });
  });
  afterAll(async () => {
    await own.stop();
    directory.remove();
    await guard.close();
  });

  describeUnreachable(use, (port, password) => `postgres://u:${password}@127.0.0.1:${port}/d`);

  it('a database that is not there: SERVICE_REFUSED', async () => {
    await expect(use(own.url.replace(/\/postgres\?/, '/nowhere?'))).rejects.toMatchObject({
      code: 'SERVICE_REFUSED',
      message: expect.stringContaining('nowhere'),
    });
  });

  it('fewer connections than the run needs: SERVICE_REFUSED with both numbers', async () => {
    await expect(use(own.url, 18)).rejects.toMatchObject({
      code: 'SERVICE_REFUSED',
      message: expect.stringMatching(/take 18 connections.*room for 17/),
    });
  });

  it('settle vacuums and analyses our tables, and makes a checkpoint', async () => {
    await query(
      'create schema sessions_sb_test',
      'create table sessions_sb_test.settled as select generate_series(1, 1000) as id',
      'delete from sessions_sb_test.settled where id <= 500',
    );
    const checkpoint = 'select checkpoint_lsn::text as lsn from pg_control_checkpoint()';
    const [before] = await query(checkpoint);
    expect(await own.settle()).toEqual([]);
    const [after, table] = await query(
      checkpoint,
      `select reltuples::int as n from pg_class where relname = 'settled'`,
    );
    expect(table?.rows).toEqual([{ n: 500 }]);
    expect(after?.rows).not.toEqual(before?.rows);
  });

  it('settle says what a plain user was not allowed to do', async () => {
    await query(`create role plain login password 'pw'`, 'grant create on database postgres to plain');
    const seen = await use(own.url.replace(/\/\/.*@/, '//plain:pw@'));
    expect(await seen.settle()).toEqual(['checkpoint: not permitted to this user']);
  });
});
