import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, expectTypeOf, test } from 'vitest';
import {
  BOTTLENECKS,
  type Bottleneck,
  ENVIRONMENT_KEYS,
  COLUMNS as FROZEN_COLUMNS,
  RECORDED_FLAGS,
  STATUSES,
  type Status,
} from '../../servers/frozen.ts';
import { keyOf } from '../config/flag.ts';
import { RUN_TABLE } from '../config/flags.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';
import type { bottleneckOf } from './bottleneck.ts';
import { readResultFile } from './csv.ts';
import { type EnvironmentRecord, readEnvironmentRecord, writeEnvironmentRecord } from './env-file.ts';
import { COLUMNS } from './row.ts';
import type { rowWithout } from './rows.ts';

/** Files that the program wrote at commit 07d888b, and those that are kept in results/. */
const FOLDERS = ['bench/compare/fixtures/07d888b', 'results/reference', 'results/proof'];
const paths = FOLDERS.flatMap((folder) =>
  readdirSync(join(PROJECT_ROOT, folder)).map((name) => join(folder, name)),
);
const textOf = (path: string) => readFileSync(join(PROJECT_ROOT, path), 'utf8');
const headerOf = (path: string) => textOf(path).split('\n', 1)[0]?.split(',') ?? [];
const csvFiles = paths.filter((path) => path.endsWith('.csv'));
const records = paths
  .filter((path) => path.endsWith('.env.json'))
  .map((path) => JSON.parse(textOf(path)) as EnvironmentRecord);

describe('columns of a result file', () => {
  test('are those of the list', () => {
    expect(COLUMNS.map(({ name }): string => name).sort()).toEqual([...FROZEN_COLUMNS].sort());
  });

  test.each(csvFiles)('%s: each is in the list, and each cell is of its kind', (path) => {
    expect(FROZEN_COLUMNS).toEqual(expect.arrayContaining(headerOf(path)));
    const rows = readResultFile(join(PROJECT_ROOT, path));
    expect(rows.length).toBeGreaterThan(0);
    for (const { status, bottleneck } of rows) {
      expect(STATUSES).toContain(status);
      expect([undefined, ...BOTTLENECKS]).toContain(bottleneck);
    }
  });

  test('files of before a column existed are among them', () => {
    const lengths = csvFiles.map((path) => headerOf(path).length);
    expect(Math.min(...lengths)).toBeLessThan(FROZEN_COLUMNS.length);
  });

  // Checked by tsc.
  test('the words of status and bottleneck are those of the list', () => {
    expectTypeOf<Parameters<typeof rowWithout>[1] | 'ok'>().toEqualTypeOf<Status>();
    expectTypeOf<Exclude<ReturnType<typeof bottleneckOf>, undefined>>().toEqualTypeOf<Bottleneck>();
    expect(STATUSES).toEqual(['ok', 'unsupported', 'failed', 'interrupted']);
    expect(BOTTLENECKS).toEqual(['generator', 'balancer', 'server', 'store', 'host']);
  });
});

describe('the record beside a result file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'frozen-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  test('its keys are those of the list', () => {
    expectTypeOf<keyof EnvironmentRecord>().toEqualTypeOf<(typeof ENVIRONMENT_KEYS)[number]>();
    const known = new Set<string>(ENVIRONMENT_KEYS);
    for (const record of records) expect(Object.keys(record).filter((key) => !known.has(key))).toEqual([]);
    // Files of gates from before it have no plan of looks.
    expect(new Set([...records.flatMap((record) => Object.keys(record)), 'gate'])).toEqual(known);
  });

  test('is written with each of them, and read back', () => {
    const path = join(directory, 'run.csv');
    const record = Object.fromEntries(ENVIRONMENT_KEYS.map((key) => [key, { [key]: 1 }]));
    writeEnvironmentRecord(path, record as unknown as EnvironmentRecord);
    expect(JSON.parse(readFileSync(join(directory, 'run.env.json'), 'utf8'))).toEqual(record);
    expect(readEnvironmentRecord(path)).toEqual(record);
  });

  test('the flags in it are those of the list', () => {
    const recorded = Object.values(RUN_TABLE).filter(({ scope }) => scope === 'run');
    expect(recorded.map(keyOf)).toEqual(expect.arrayContaining(RECORDED_FLAGS));
    const flags = records.flatMap(({ options = {} }) => Object.keys(options));
    expect(RECORDED_FLAGS).toEqual(expect.arrayContaining(flags));
  });
});
