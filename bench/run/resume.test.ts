import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../config/config.ts';
import type { EnvironmentRecord } from '../results/env-file.ts';
import { openOutput } from '../results/output.ts';
import type { Row } from '../results/row.ts';
import { readUnfinished, recordableOptions } from './resume.ts';

test('nothing is recorded but the flags that are listed, the stores as they were had, and the seed', () => {
  const given = {
    store: 'redis,jwt',
    servers: '3',
    pin: true,
    redisUrl: 'redis://me:hunter2@127.0.0.1',
    mysqlUrl: 'mysql://me:hunter2@127.0.0.1',
    out: 'x.csv',
  };
  const config = parseConfig({ ...given, seed: '7', mysqlUrl: undefined }, {});
  expect(recordableOptions(given, config)).toEqual({
    servers: '3',
    pin: true,
    seed: '7',
    store: 'redis:pipelining=none;read=get;write=cas,jwt:alg=HS256;cache=off;lib=fast-jwt',
  });
});

test('a run that named no store is recorded with the preset that it took', () => {
  expect(recordableOptions({}, parseConfig({ seed: '1' }, {}))).toMatchObject({
    preset: 'glance',
    seed: '1',
  });
});

test('a run is continued with all its rows, and with what is recorded beside them', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sb-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const rows: Row[] = ['ok', 'failed', 'interrupted', 'unsupported'].map((status) => ({
    run_id: 'r',
    status,
  }));
  const output = openOutput(join(folder, 'run.csv'), 'r');
  output.append({ rows });
  const record = { command: ['--store', 'redis'], left_out: ['postgres'], options: { store: 'redis' } };
  output.describe(record as unknown as EnvironmentRecord);
  output.close();
  const { unfinished } = readUnfinished(output.path, {});
  expect(unfinished.rows).toMatchObject(rows);
  expect(unfinished.record).toEqual(record);
});
