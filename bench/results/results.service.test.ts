import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { createResultFile, readResultFile } from './csv.ts';
import { COLUMNS, cellText, parseCell, type Row } from './row.ts';

const directory = mkdtempSync(join(tmpdir(), 'sb-results-'));
afterAll(() => rmSync(directory, { recursive: true }));
let files = 0;
const freshPath = () => join(directory, `${files++}.csv`);

describe('the dictionary', () => {
  const text = readFileSync(new URL('../../results/README.md', import.meta.url), 'utf8');
  const documented = [...text.matchAll(/^\| `([a-z0-9_]+)` \| (\w+) \| (.+) \|$/gm)];

  test('lists every column once, in order, with its kind and meaning', () => {
    expect(documented.map(([, name, kind, meaning]) => ({ name, kind, meaning }))).toEqual(
      COLUMNS.map(({ name, kind, meaning }) => ({ name, kind, meaning })),
    );
  });
});

describe('the result file', () => {
  const row: Row = {
    run_id: 'r',
    store: 'redis',
    svc_p50_us: 280,
    rps_ok: 1234.5678,
    valid: true,
    note: 'a, "b"\nc',
  };

  test('is read back by our reader and by another', () => {
    const path = freshPath();
    const file = createResultFile(path);
    file.append(row);
    file.close();
    expect(readResultFile(path)).toEqual([{ ...row, rps_ok: 1234.568 }]);
    const [record] = parse(readFileSync(path), { columns: true }) as Record<string, string>[];
    expect(record).toMatchObject({ store: 'redis', svc_p50_us: '280', note: 'a, "b"\nc', lat_p50_us: '' });
  });

  test('is valid after its header and after each row', () => {
    const path = freshPath();
    const file = createResultFile(path);
    for (let rows = 0; rows < 3; rows += 1) {
      expect(readResultFile(path)).toHaveLength(rows);
      file.append(row);
    }
    file.close();
  });

  test('any text survives', () => {
    const path = freshPath();
    const file = createResultFile(path);
    const notes = fc.sample(fc.string({ minLength: 1, unit: 'binary' }), { numRuns: 50, seed: 1 });
    for (const note of notes) file.append({ ...row, note });
    file.close();
    expect(readResultFile(path).map((read) => read.note)).toEqual(notes);
  });

  test('a full disk is reported, and leaves the file valid with the rows written before', () => {
    const path = freshPath();
    const fixture = 'node --import tsx bench/results/full-disk-fixture.ts';
    const told = JSON.parse(
      execFileSync('sh', ['-c', `ulimit -f 8; exec ${fixture} '${path}'`], { encoding: 'utf8' }),
    );
    expect(told.message).toContain('OUTPUT_UNWRITABLE');
    expect(told.rows).toBeGreaterThan(0);
    expect(readResultFile(path)).toHaveLength(told.rows);
  });

  test.each([
    ['', 'an empty file'],
    ['a,b\n1,2\n', 'unknown columns a, b'],
    ['run_id,store\nx\n', 'Invalid Record Length'],
    ['svc_p50_us\nfast\n', 'which is not a valid integer in row 1'],
    ['svc_p50_us\n1.5\n', 'which is not a valid integer'],
    ['valid\nyes\n', 'which is not a valid boolean'],
    ['"run_id\n', 'Quote Not Closed'],
  ])('damage is named: %j', (text, word) => {
    const path = freshPath();
    writeFileSync(path, text);
    expect(() => readResultFile(path)).toThrow(word);
  });
});

test('cells: absence is empty, numbers keep three decimals, and each is read back', () => {
  expect([undefined, 0, 1.23456, true, 'x'].map(cellText)).toEqual(['', '0', '1.235', 'true', 'x']);
  expect(parseCell('rps_ok', '1.5')).toBe(1.5);
  expect(parseCell('valid', 'false')).toBe(false);
  expect(parseCell('store', '')).toBeUndefined();
});
