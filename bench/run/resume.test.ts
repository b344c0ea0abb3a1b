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

test('a run is continued with its dropped blocks, and without those in which something failed or was stopped', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sb-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const block = (ordinal: number, ...statuses: Partial<Row>[]): Row[] =>
    statuses.map((cells, index) => ({
      ...{
        run_id: 'r',
        block: `r-${ordinal}`,
        engine: 'slices',
        scenario: 'read',
        status: 'ok',
        valid: true,
      },
      ...{ store: index === 0 ? 'none' : 'redis', arm: index === 0 ? 'none' : 'redis' },
      ...cells,
    }));
  const [kept, others] = [
    [
      ...block(1, {}, {}),
      ...block(2, { valid: false }, { valid: false }),
      ...block(3, {}, { status: 'unsupported' }),
    ],
    [
      ...block(4, { valid: false }, { status: 'failed', valid: false }),
      ...block(5, { status: 'interrupted', valid: false }),
    ],
  ];
  const output = openOutput(join(folder, 'run.csv'), 'r');
  output.append({ rows: [...kept, ...others] });
  const command = ['--store', 'none,redis'];
  output.describe({ command, options: { store: 'none,redis' } } as unknown as EnvironmentRecord);
  output.close();
  const { unfinished } = readUnfinished(output.path, {});
  expect(unfinished.command).toEqual(command);
  expect(unfinished.rows).toMatchObject(kept);
  expect(unfinished.rows).toHaveLength(kept.length);
});
