import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { bench, faultsOf, rowsIn, scratch } from './cli-fixture.ts';

/** What breaks under a load, on real processes by real signals: what users met is counted, and nothing is ranked. */
const directory = scratch();
afterAll(directory.remove);

const out = `${directory.path}/broken.csv`;
const ARGS = [
  ...['--store', 'memory,redis', '--scenario', 'failure', '--fault', 'kill-server,kill-store,freeze-store'],
  ...['--servers', '2', '--affinity', 'sticky', '-d', '4s', '-w', '0s', '--sessions', '60', '-c', '8'],
  ...['--rate', '100', '-o', out],
];

test('killed and frozen parts: logins lost where they lie, outages counted by the second, nothing left', async () => {
  const finished = await bench(ARGS, directory.path);
  const rows = rowsIn(out).filter((row) => row['operation'] === 'all');
  expect(faultsOf(finished, rows)).toEqual([]);
  const rowOf = (store: string, fault: string) =>
    rows.find((row) => row['store'] === store && row['fault'] === fault) ?? {};
  const number = (row: Record<string, string>, column: string) => {
    expect(row[column], column).not.toBe('');
    return Number(row[column]);
  };

  const memory = rowOf('memory', 'kill-server');
  expect(number(memory, 'logins_lost')).toBeGreaterThan(10);
  expect(number(memory, 'logins_lost')).toBeLessThan(number(memory, 'logins'));
  const shared = rowOf('redis', 'kill-server');
  expect(number(shared, 'logins')).toBeGreaterThan(60);
  for (const row of [shared, rowOf('redis', 'freeze-store')])
    expect([row['logins_lost'], row['wrong_answers'], row['logouts_undone']]).toEqual(['0', '0', '0']);

  for (const fault of ['kill-store', 'freeze-store']) {
    const row = rowOf('redis', fault);
    // A frozen store holds the few connections up: the rest of its second waits, and is answered later.
    expect(number(row, 'worst_second_pct')).toBeLessThan(95);
    expect(number(row, 'availability_pct')).toBeLessThan(100);
    expect(number(row, 'trouble_s')).toBeGreaterThan(0);
    expect(row['wrong_answers']).toBe('0');
    expect(rowOf('memory', fault)).toMatchObject({
      ...{ status: 'unsupported', invalid_reason: 'there is no store that could break' },
    });
  }

  const lines = readFileSync(out.replace('.csv', '.series.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const row of rows.filter(({ status }) => status === 'ok')) {
    const own = lines.filter((line) => line.arm === row['arm'] && line.fault === row['fault']);
    expect(own.map(({ second }) => second)).toEqual([0, 1, 2, 3]);
    for (const { offered, ok, denied, wrong, refused, lost } of own) {
      expect(offered).toBeGreaterThan(90);
      expect(ok + denied + wrong + refused + lost).toBe(offered);
    }
    const events = own.flatMap((line) => line.events ?? []);
    expect(events).toHaveLength(2);
  }
  expect(finished.stdout).toMatch(/answered.*worst.*logins/s);
  expect(finished.stdout).not.toMatch(/less CPU|more requests per second|response time than/);
  expect(directory.leftovers()).toEqual([]);
});
