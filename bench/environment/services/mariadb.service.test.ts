import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withMariadb } from '../../../stores/mariadb/client.ts';
import { durabilityFault, mariadbDurabilityMatches } from '../../../stores/mariadb/durability.ts';
import { mariadbArguments } from '../../../stores/mariadb/server.ts';
import { mariadbService } from '../../../stores/mariadb/service.ts';
import { type Guard, openGuard, type TemporaryDirectory } from '../processes/guard.ts';
import { MARIADB_SUITE } from './mariadb-suite.ts';
import type { StartedService } from './service.ts';
import { describeService } from './service-suite.ts';
import { startService } from './start.ts';
import { describeUnreachable } from './unreachable-suite.ts';

describeService({ ...MARIADB_SUITE, tier: 'local' });

describe('mariadbArguments', () => {
  it.each([
    ['none', '0', 'OFF'],
    ['second', '2', 'ON'],
    ['commit', '1', 'ON'],
  ] as const)('durability %s is when the log is flushed', (durability, flush, doublewrite) => {
    const args = mariadbArguments(1, 20, durability);
    expect(args).toContain(`--innodb-flush-log-at-trx-commit=${flush}`);
    expect(args).toContain(`--innodb-doublewrite=${doublewrite}`);
  });
});

describe('the durability of a foreign server', () => {
  const on = { innodb_doublewrite: 'ON', log_bin: 'OFF', sync_binlog: '0' };
  it.each([
    [{}, { none: undefined, second: undefined, commit: undefined }],
    [
      { innodb_flush_log_at_trx_commit: '0', ...on },
      { none: true, second: false, commit: false },
    ],
    [
      { innodb_flush_log_at_trx_commit: '2', ...on },
      { none: false, second: true, commit: false },
    ],
    [
      { innodb_flush_log_at_trx_commit: '1', ...on },
      { none: false, second: false, commit: true },
    ],
    [
      { innodb_flush_log_at_trx_commit: '1', ...on, log_bin: 'ON' },
      { none: false, second: false, commit: false },
    ],
    [
      { innodb_flush_log_at_trx_commit: '1', ...on, log_bin: 'ON', sync_binlog: '1' },
      { none: false, second: false, commit: true },
    ],
    [
      { innodb_flush_log_at_trx_commit: '1', ...on, innodb_doublewrite: 'OFF' },
      { none: false, second: false, commit: false },
    ],
  ])('%o', (settings, expected) => {
    for (const durability of ['none', 'second', 'commit'] as const)
      expect(mariadbDurabilityMatches(settings, durability)).toBe(expected[durability]);
  });

  it('a store takes one that is more durable than requested, and none that is less', () => {
    const strict = { innodb_flush_log_at_trx_commit: '1', ...on };
    expect(durabilityFault(strict, 'second')).toBeUndefined();
    expect(durabilityFault({ ...strict, innodb_flush_log_at_trx_commit: '2' }, 'commit')).toContain(
      'commit=2',
    );
    expect(durabilityFault({ ...strict, log_bin: 'ON' }, 'commit')).toContain('sync_binlog=0');
    expect(durabilityFault({ ...strict, innodb_flush_log_at_trx_commit: '0' }, 'second')).toContain(
      'set them',
    );
  });
});

describe('an external MariaDB', () => {
  let guard: Guard;
  let directory: TemporaryDirectory;
  let own: StartedService;
  const request = () => {
    return { durability: 'second' as const, directory: directory.path, maxConnections: 20, guard };
  };
  const use = (url: string, maxConnections = 20) =>
    startService(mariadbService, { ...request(), tier: 'url', url, maxConnections });
  const withUser = (user: string, password: string, path: string) => {
    const url = new URL(own.url);
    Object.assign(url, { username: user, password, pathname: path });
    return url.href;
  };

  beforeAll(async () => {
    guard = await openGuard();
    directory = guard.createDirectory('mariadb-url');
    own = await startService(mariadbService, { ...request(), tier: 'local' });
  });
  afterAll(async () => {
    await own.stop();
    directory.remove();
    await guard.close();
  });

  describeUnreachable(use, (port, password) => `mariadb://u:${password}@127.0.0.1:${port}/d`);

  it('one that does not reply, a database that is not there, a user without rights, too few connections', async () => {
    await expect(use('mariadb://u:pw55@127.0.0.1:1/d')).rejects.toMatchObject({
      code: 'SERVICE_UNREACHABLE',
      message: expect.not.stringContaining('pw55'),
    });
    await expect(use(own.url.replace(/\/bench$/, '/nowhere'))).rejects.toMatchObject({
      code: 'SERVICE_REFUSED',
      details: { remedy: expect.stringContaining('CREATE DATABASE') },
    });
    await withMariadb(own.url, async (link) => {
      await link.query(`create user plain@'%' identified by 'pw'`);
      await link.query(`grant select on bench.* to plain@'%'`);
    });
    await expect(use(withUser('plain', 'pw', '/bench'))).rejects.toMatchObject({
      code: 'SERVICE_REFUSED',
      details: { remedy: expect.stringContaining('GRANT ALL ON') },
    });
    await expect(use(own.url, 1_000)).rejects.toMatchObject({
      code: 'SERVICE_REFUSED',
      details: { got: 'room for 30 (max_connections)' },
    });
  });

  it('nobody but the user of the URL can log in', async () => {
    for (const user of ['root', 'bench', 'mysql', ''])
      await expect(use(withUser(user, '', '/bench'))).rejects.toMatchObject({ code: 'SERVICE_REFUSED' });
  });
});
