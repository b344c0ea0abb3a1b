import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COLUMNS } from '../results/row.ts';
import { bench, faultsOf, rowsIn, scratch } from './cli-fixture.ts';

/** The real command on real services, its CSV read back by a reader that is not our own. */
const SMALL = ['-d', '500ms', '-w', '200ms', '--sessions', '150', '-c', '10'];
const directory = scratch();
afterAll(directory.remove);

describe('the matrix: six backends, both affinities, one and three servers', () => {
  const out = `${directory.path}/matrix.csv`;
  let rows: Record<string, string>[] = [];
  const pick = (store: string, servers: string, affinity: string) =>
    rows.find((row) => row['store'] === store && row['servers'] === servers && row['affinity'] === affinity);

  beforeAll(async () => {
    const stores = 'none,memory,redis,postgres,jwt,jwt-blacklist';
    const args = [
      '--store',
      stores,
      '--servers',
      '1,3',
      '--affinity',
      'round-robin,sticky',
      '-o',
      out,
      ...SMALL,
    ];
    const result = await bench(args, directory.path);
    rows = rowsIn(out);
    expect(faultsOf(result, rows)).toEqual([]);
  });

  test('is 24 rows with latencies in whole microseconds', () => {
    expect(rows).toHaveLength(24);
    for (const row of rows) {
      expect(row).toMatchObject({ status: 'ok', operation: 'all', load_model: 'closed' });
      expect(row['svc_p50_us']).toMatch(/^[1-9]\d*$/);
      expect(row['lat_p50_us']).toBe('');
      expect(Number(row['svc_p50_us'])).toBeGreaterThan(50);
    }
  });

  test('has the CPU of every process that exists, and empty cells for those that do not', () => {
    for (const row of rows) {
      const served = ['redis', 'postgres', 'jwt-blacklist'].includes(row['store'] as string);
      for (const role of ['server', 'balancer', 'generator']) {
        expect(Number(row[`cpu_us_per_req_${role}`]), role).toBeGreaterThan(1);
      }
      for (const column of [
        'cpu_us_per_req_store',
        'store_commands_per_req',
        'rss_store_bytes',
        'store_version',
      ]) {
        expect(row[column] !== '', `${column} of ${row['store']}`).toBe(served);
      }
      expect(row['pool_size'] !== '').toBe(served);
    }
  });

  test('has the bytes of a session, in the servers and in the service', () => {
    for (const row of rows) {
      const served = ['redis', 'postgres', 'jwt-blacklist'].includes(row['store'] as string);
      expect(row['server_bytes_per_session']).not.toBe('');
      expect(row['store_bytes_per_session'] !== '').toBe(served);
    }
    // The data alone are 256 bytes.
    expect(Number(pick('redis', '1', 'sticky')?.['store_bytes_per_session'])).toBeGreaterThan(256);
  });

  test('has the bytes of those in memory, where they are more than what a heap varies by itself', async () => {
    const many = `${directory.path}/many.csv`;
    // Code that is compiled or flushed between the two readings is some 0.2 MB.
    const load = ['-d', '200ms', '-w', '100ms', '-c', '10', '--sessions', '5000', '--balancer', 'none'];
    const result = await bench(['--store', 'memory', '-o', many, ...load], directory.path);
    const [row] = rowsIn(many);
    expect(faultsOf(result, row === undefined ? [] : [row])).toEqual([]);
    expect(Number(row?.['server_bytes_per_session'])).toBeGreaterThan(256);
    expect(Number(row?.['server_bytes_per_session'])).toBeLessThan(2048);
  });

  test('accounts for every request', () => {
    for (const row of rows) {
      const n = (column: string) => Number(row[column]);
      const parts = ['completed', 'conn_errors', 'timeouts', 'dropped', 'inflight_end'].map(n);
      expect(n('scheduled')).toBe(parts.reduce((sum, part) => sum + part, 0));
      expect(n('completed')).toBe(n('ok') + n('http_4xx') + n('http_5xx') + n('check_failed'));
      expect(n('completed')).toBeGreaterThan(50);
    }
  });

  test('a read is one round trip to the store', () => {
    for (const store of ['redis', 'postgres', 'jwt-blacklist']) {
      expect(Number(pick(store, '3', 'round-robin')?.['store_commands_per_req'])).toBeCloseTo(1, 2);
    }
  });

  test('memory behind round-robin misses two thirds of reads, and the row says why; sticky misses none', () => {
    const scattered = pick('memory', '3', 'round-robin');
    const share = Number(scattered?.['http_4xx']) / Number(scattered?.['completed']);
    expect(share).toBeGreaterThan(0.6);
    expect(share).toBeLessThan(0.73);
    expect(scattered?.['note']).toContain('each server knows only the sessions made on it');
    expect(pick('memory', '3', 'sticky')?.['http_4xx']).toBe('0');
    expect(pick('memory', '1', 'round-robin')?.['http_4xx']).toBe('0');
  });

  test('has a record of the environment and the histograms beside it, and no secret in them', () => {
    const record = JSON.parse(readFileSync(out.replace('.csv', '.env.json'), 'utf8'));
    expect(record.services).toHaveProperty(
      Object.keys(record.services).find((arm) => arm.startsWith('redis')) ?? '',
    );
    expect(JSON.stringify(record)).toContain('appendonly');
    expect(JSON.stringify(record)).not.toMatch(/:\/\/[^/"]*:[^*@"]+@/);
    const histograms = readFileSync(out.replace('.csv', '.histograms.jsonl'), 'utf8').trim().split('\n');
    expect(histograms).toHaveLength(24);
  });

  test('the header is the column table', () => {
    expect(readFileSync(out, 'utf8').split('\n')[0]).toBe(COLUMNS.map((column) => column.name).join(','));
  });
});

// What they look at is who was answered what, not how fast: side by side.
describe.concurrent('scenarios', () => {
  test('mixed has a row for each operation, and CPU on the row of all', async () => {
    const out = `${directory.path}/mixed.csv`;
    const args = [
      '--store',
      'redis',
      '--scenario',
      'mixed',
      '--servers',
      '2',
      '-o',
      out,
      ...SMALL,
      '-d',
      '1s',
    ];
    const result = await bench(args, directory.path);
    const rows = rowsIn(out);
    expect(faultsOf(result, rows)).toEqual([]);
    expect(rows.map((row) => row['operation']).sort()).toEqual(['all', 'login', 'logout', 'read', 'update']);
    for (const row of rows) {
      expect(row['cpu_us_per_req_server'] !== '').toBe(row['operation'] === 'all');
    }
    const sum = (column: string) =>
      rows.filter((row) => row['operation'] !== 'all').reduce((total, row) => total + Number(row[column]), 0);
    expect(sum('completed')).toBe(Number(rows[0]?.['completed']));
  });

  test.each(['cookie', 'bearer'])(
    'update, login, logout and visit succeed on every backend, by %s',
    async (transport) => {
      const out = `${directory.path}/writes-${transport}.csv`;
      const stores = 'none,memory,redis,postgres,jwt,jwt-blacklist';
      const scenarios = ['--scenario', 'update,login,logout,visit', '--transport', transport];
      const args = ['--store', stores, ...scenarios, '-o', out, ...SMALL, '-d', '200ms', '-w', '100ms'];
      const result = await bench(args, directory.path);
      const rows = rowsIn(out);
      expect(faultsOf(result, rows)).toEqual([]);
      expect(rows.filter((row) => row['status'] === 'ok')).toHaveLength(24);
    },
  );

  test('revocation: at once where a store is asked, at expiry for the plain token', async () => {
    const out = `${directory.path}/revocation.csv`;
    const stores = 'redis,jwt,jwt-blacklist:db=postgres';
    const args = ['--store', stores, '--scenario', 'revocation', '--servers', '3', '-o', out, ...SMALL];
    const result = await bench(args, directory.path);
    expect(faultsOf(result, rowsIn(out))).toEqual([]);
    const rows = rowsIn(out).filter((row) => row['operation'] === 'all');
    for (const row of rows) {
      const plain = row['store'] === 'jwt';
      expect(Number(row['stale_accepts']) > 0, row['store']).toBe(plain);
      // Five seconds of life, in whole seconds: NumericDate.
      if (plain) expect(Number(row['revoke_visible_p50_us'])).toBeGreaterThan(3_000_000);
      else expect(Number(row['revoke_visible_p99_us'])).toBeLessThan(3_000_000);
    }
  });

  test('a payload sweep keeps a row for what a cookie cannot hold', async () => {
    const out = `${directory.path}/sweep.csv`;
    const args = ['--store', 'jwt,redis', '--payload', '64,4096,65536', '-o', out, ...SMALL];
    const result = await bench(args, directory.path);
    expect(faultsOf(result, rowsIn(out))).toEqual([]);
    const statuses = rowsIn(out).map((row) => `${row['store']} ${row['payload_bytes']} ${row['status']}`);
    expect(statuses.sort()).toEqual([
      'jwt 4096 unsupported',
      'jwt 64 ok',
      'jwt 65536 unsupported',
      'redis 4096 ok',
      'redis 64 ok',
      'redis 65536 ok',
    ]);
  });

  test('without a balancer the generator spreads, sticky', async () => {
    const out = `${directory.path}/bare.csv`;
    const args = [
      '--store',
      'memory',
      '--servers',
      '3',
      '--balancer',
      'none',
      '--affinity',
      'sticky',
      '-o',
      out,
    ];
    const result = await bench([...args, ...SMALL], directory.path);
    expect(faultsOf(result, rowsIn(out))).toEqual([]);
    expect(rowsIn(out)[0]).toMatchObject({ balancer: 'none', http_4xx: '0', cpu_us_per_req_balancer: '' });
  });

  test.each(['nginx', 'node'])('%s balances, sticky and round-robin', async (balancer) => {
    const out = `${directory.path}/${balancer}.csv`;
    const axes = ['--servers', '3', '--affinity', 'sticky,round-robin', '--balancer', balancer];
    const result = await bench(['--store', 'memory', ...axes, '-o', out, ...SMALL], directory.path);
    expect(faultsOf(result, rowsIn(out))).toEqual([]);
    const misses = Object.fromEntries(rowsIn(out).map((row) => [row['affinity'], Number(row['http_4xx'])]));
    expect(misses['sticky']).toBe(0);
    expect(misses['round-robin']).toBeGreaterThan(0);
  });
});

describe('output', () => {
  test('--json prints the rows on standard output', async () => {
    const out = `${directory.path}/json.csv`;
    const result = await bench(['--store', 'none', '--json', '-o', out, ...SMALL], directory.path);
    expect(faultsOf(result, rowsIn(out))).toEqual([]);
    const printed = JSON.parse(result.stdout);
    expect(printed.rows).toHaveLength(1);
    expect(printed.rows[0].svc_p50_us).toBe(Number(rowsIn(out)[0]?.['svc_p50_us']));
  });

  test('a threshold that is crossed ends with 99, one that is kept with 0', async () => {
    /** The exit code; `undefined` on a disturbed machine, where INVALID goes before any threshold. */
    const run = async (threshold: string, name: string, load: readonly string[] = SMALL) => {
      const out = `${directory.path}/${name}.csv`;
      const args = ['--store', 'none', '-o', out, '--threshold', threshold, ...load];
      const result = await bench(args, directory.path);
      if (result.code === 4) expect(faultsOf(result, rowsIn(out))).toEqual([]);
      return { code: result.code === 4 ? undefined : result.code, stderr: result.stderr };
    };
    expect((await run('p50<1us', 'crossed')).code ?? 99).toBe(99);
    expect((await run('p(50)<9s', 'kept')).code ?? 0).toBe(0);
    // One request at a time for so short cannot make the 10,000 samples that it needs, on any machine.
    const missing = await run('p99.9<9s', 'missing', [...SMALL, '-c', '1', '-d', '200ms']);
    expect(missing.code ?? 99).toBe(99);
    if (missing.code === 99) expect(missing.stderr).toContain('too few samples');
  });
});

describe.concurrent('answers without a measurement', () => {
  test('--dry-run shows the plan and starts nothing', async () => {
    const out = `${directory.path}/dry.csv`;
    const { code, stdout } = await bench(['--store', 'redis,jwt', '--dry-run', '-o', out], directory.path);
    expect(code).toBe(0);
    expect(stdout).toContain('1 block of 2 arms, at most about 1 min 10 s');
    expect(existsSync(out)).toBe(false);
  });

  test.each([
    ['list', 'jwt-blacklist'],
    ['doctor', 'haproxy'],
    ['-- list', 'jwt-blacklist'],
    ['compare --help', '--base'],
    ['--dry-run -r 2 --store jwt-blacklist,jwt', 'jwt-blacklist'],
  ])('%s fits 80 columns', async (command, word) => {
    const { code, stdout } = await bench(command.split(' '), directory.path, { COLUMNS: '80' });
    expect(code).toBe(0);
    expect(stdout).toContain(word);
    // A path is one word, however long.
    const wide = stdout.split('\n').filter((line) => line.length > 80 && !/^ *\S+$/.test(line));
    expect(wide).toEqual([]);
  }); // prettier-ignore
});

test('nothing is left in the directory for temporary files', () => {
  expect(directory.leftovers()).toEqual([]);
});
