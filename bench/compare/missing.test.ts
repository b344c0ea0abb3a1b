import { describe, expect, test } from 'vitest';
import type { Row } from '../results/row.ts';
import { seededRandom } from '../stats/random.ts';
import {
  caught,
  compareArms as compare,
  reasons,
  twoArms,
  twoRuns,
  verdictOf,
} from './comparison-fixture.ts';
import { comparisonRecords } from './json.ts';
import { syntheticRows } from './rows-fixture.ts';

describe('what is missing or spoilt', () => {
  test('a cell that head lacks is INCONCLUSIVE, one that base lacks is listed', () => {
    const random = seededRandom(3);
    const common = { run: 'r', blocks: 24, scatter: 0.01, random };
    const two = syntheticRows({ ...common, stores: ['redis', 'jwt'] });
    const one = syntheticRows({ ...common, stores: ['redis'] });
    const lost = compare(two, one);
    expect(lost.verdict).toBe('INCONCLUSIVE');
    expect(reasons(lost)).toContain('only in base.csv');
    const added = compare(one, two);
    expect(added.verdict).toBe('OK');
    expect(reasons(added)).toContain('only in head.csv');
  });

  test('rows with TLS at the edge and without it are two cells, and a file without the column is without it', () => {
    const random = seededRandom(3);
    const rows = (cells: Row) =>
      syntheticRows({ run: 'r', blocks: 24, scatter: 0.01, random, stores: ['redis'], cells });
    const old = rows({});
    const tls = rows({ edge_tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384 X25519 P-256' });
    expect(caught(() => compare(old, tls))).toMatchObject({ code: 'NOTHING_TO_COMPARE' });
    expect(compare(old, [...rows({}), ...tls]).verdict).toBe('OK');
    expect(reasons(compare(old, [...rows({}), ...tls]))).toContain('only in head.csv');
    expect(compare(tls, tls).verdict).toBe('OK');
  });

  test('invalid rows are left out, with their block, and counted', () => {
    const { base, head } = twoArms(1, { blocks: 13 });
    const spoilt = head.map((row, index) =>
      index === 0 ? { ...row, valid: false, cpu_us_per_req_server: 9e9 } : row,
    );
    const comparison = compare(base, spoilt);
    expect(comparisonRecords(comparison)[0]).toMatchObject({ base_blocks: 12, verdict: 'OK' });
    expect(comparison.warnings).toEqual([
      'base.csv: rows left out because the other file lacks their block: 1',
      'head.csv: rows left out because they must not be used: 1',
    ]);
  });

  test('a cell whose rows are all invalid on one side is INVALID, and REGRESSED is graver', () => {
    const random = seededRandom(3);
    const rows = (factor: number) =>
      syntheticRows({ run: 'r', stores: ['redis', 'jwt'], blocks: 24, scatter: 0.01, random, factor });
    const broken = (from: Row[]) => from.map((row) => (row.store === 'jwt' ? { ...row, valid: false } : row));
    const comparison = compare(rows(1), broken(rows(1)));
    expect(comparison.verdict).toBe('INVALID');
    expect(reasons(comparison)).toContain('no valid row in head.csv');
    expect(compare(rows(1), broken(rows(1.2))).verdict).toBe('REGRESSED');
  });

  test('what neither side supports is not compared; on one side only it is INVALID', () => {
    const { base, head } = twoArms(1);
    const unsupported = base.map((row) => ({
      ...row,
      store: 'jwt',
      payload_bytes: 65_536,
      status: 'unsupported',
      valid: false,
    }));
    expect(compare([...base, ...unsupported], [...head, ...unsupported]).verdict).toBe('OK');
    const works = unsupported.map((row) => ({ ...row, status: 'ok', valid: true }));
    expect(compare([...base, ...works], [...head, ...unsupported]).verdict).toBe('INVALID');
  });

  test('a cell without a block in common is INCONCLUSIVE', () => {
    const { base, head } = twoArms(1);
    const other = base.map((row, index) => ({ ...row, store: 'jwt', block: `x-${index}` }));
    const others = base.map((row, index) => ({ ...row, store: 'jwt', block: `y-${index}` }));
    const comparison = compare([...base, ...other], [...head, ...others]);
    expect(verdictOf(comparison, 'cpu_us_per_req', 'jwt')).toBe('INCONCLUSIVE');
    expect(reasons(comparison)).toContain('0 blocks; a verdict needs 12');
  });

  test('other versions of a service are said', () => {
    const { base, head } = twoArms(1);
    const versions = (rows: Row[], store_version: string) => rows.map((row) => ({ ...row, store_version }));
    expect(compare(versions(base, '7.0'), versions(head, '7.2')).warnings).toEqual([
      'redis: store_version 7.0 in base, 7.2 in head',
    ]);
  });

  const valid = twoArms(1);
  const change = (cells: { [C in keyof Row]: Row[C] | undefined }) =>
    valid.head.map((row) => ({ ...row, ...cells }) as Row);
  test.each<[string, Row[], string, string]>([
    ['no rows', [], 'NOTHING_TO_COMPARE', 'valid rows in head.csv, got none'],
    ['no valid row', change({ valid: false }), 'NOTHING_TO_COMPARE', '24 that must not be used'],
    ['no cell in common', change({ store: 'jwt' }), 'NOTHING_TO_COMPARE', 'none in common'],
    ['another schema', change({ schema_version: 2 }), 'CSV_INVALID', 'schema_version 2 in row 1'],
    ['no schema', change({ schema_version: undefined }), 'CSV_INVALID', 'schema_version empty'],
    ['no block', change({ block: undefined }), 'CSV_INVALID', 'no block in row 1'],
    ['a row twice', [...valid.head, ...valid.head], 'CSV_INVALID', 'a second row of block r-1'],
    ['shared blocks, two machines', change({ host_id: 'h2' }), 'CSV_INVALID', 'host_id h1 and h2'],
    [
      'two machines in a file',
      valid.head.map((row, index) => ({ ...row, cpu_model: `m${index % 2}` })),
      'CSV_INVALID',
      'cpu_model m0 and m1',
    ],
  ])('%s is an error', (_, head, code, message) => {
    const error = caught(() => compare(valid.base, head));
    expect(error).toMatchObject({ code });
    expect(error?.message).toContain(message);
    expect(error?.message).not.toContain('\n');
  });
});

describe('blocks in which arms took turns are left out whole', () => {
  const turns = { engine: 'slices' };
  const spoil = (rows: Row[], store: string, ...blocks: string[]) =>
    rows.map((row) =>
      row.store === store && blocks.includes(row.block ?? '')
        ? { ...row, valid: false, invalid_reason: 'steal', cpu_us_per_req_server: 9e9 }
        : row,
    );
  const blocksOf = (base: Row[], head: Row[], store: string) => {
    const record = comparisonRecords(compare(base, head)).find((one) => one['store'] === store);
    return [record?.['base_blocks'], record?.['head_blocks']];
  };
  const arms = (options: object = {}) =>
    twoArms(1, { stores: ['none', 'redis', 'jwt'], blocks: 15, cells: turns, ...options });

  test('paired: on both sides, whichever file and arm holds the bad row', () => {
    const { base, head } = arms();
    expect(blocksOf(base, head, 'redis')).toEqual([15, 15]);
    const [worseBase, worseHead] = [spoil(base, 'jwt', 'r-2'), spoil(head, 'none', 'r-2', 'r-5')];
    expect(blocksOf(worseBase, worseHead, 'redis')).toEqual([13, 13]);
    expect(blocksOf(worseBase, worseHead, 'jwt')).toEqual([13, 13]);
    const { warnings } = compare(worseBase, worseHead);
    expect(warnings).toContain('base.csv: rows left out because they must not be used: 1');
    expect(warnings).toContain(
      'base.csv: rows left out with their block, of which another row must not be used: 5',
    );
  });

  test('of two runs: within the file', () => {
    const { base, head } = twoRuns(1, { stores: ['none', 'redis', 'jwt'], blocks: 15, cells: turns });
    expect(blocksOf(base, spoil(head, 'jwt', 'b-1', 'b-2'), 'redis')).toEqual([15, 13]);
  });

  test('another group of the same block is kept, and so is one with what a backend cannot do', () => {
    const { base, head } = arms();
    const wide = (rows: Row[]) => rows.map((row) => ({ ...row, payload_bytes: 4096 }));
    const both = [...base, ...wide(base)];
    const spoilt = [...head, ...spoil(wide(head), 'jwt', 'r-1')];
    const records = comparisonRecords(compare(both, spoilt));
    const blocks = (payload: number) =>
      records.find((one) => one['store'] === 'redis' && one['payload_bytes'] === payload)?.['base_blocks'];
    expect([blocks(256), blocks(4096)]).toEqual([15, 14]);
    const unsupported = (rows: Row[]) =>
      rows.map((row) => (row.store === 'jwt' ? { ...row, status: 'unsupported', valid: false } : row));
    expect(blocksOf(unsupported(base), unsupported(head), 'redis')).toEqual([15, 15]);
  });

  test('arms of the plain engine followed one another: only their own rows are left out', () => {
    const { base, head } = arms({ cells: {} });
    expect(blocksOf(base, spoil(head, 'jwt', 'r-1'), 'redis')).toEqual([15, 15]);
  });
});
