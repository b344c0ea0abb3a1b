import { expect, test } from 'vitest';
import { interleavedRows } from '../../bench/ranking/rows-fixture.ts';
import type { Row } from '../../bench/results/row.ts';
import { seededRandom } from '../../bench/stats/random.ts';
import { orderingsOf } from './orderings.ts';

/** A run in which Redis, Postgres and MariaDB cost this much. */
function runOf([redis, postgres, mariadb]: readonly [number, number, number], seed: number, cells: Row = {}) {
  const arms = { none: 0.5, redis, postgres, mariadb };
  return interleavedRows({ arms, blocks: 16, scatter: 0.01, random: seededRandom(seed), cells });
}

const of = (...runs: Row[][]) =>
  orderingsOf(runs).map(({ figure, pairs }) => [
    figure,
    ...pairs.map(({ one, other, agreement }) => `${[one, other].sort().join(' ')} ${agreement}`).sort(),
  ]);

test('orders that each run shows, that one shows, that none shows, and that contradict', () => {
  const [cpu] = of(runOf([1, 2, 2], 1), runOf([1, 2, 2], 2));
  expect(cpu).toEqual([
    'cpu_us_per_req',
    'mariadb postgres tied',
    'mariadb redis same',
    'postgres redis same',
  ]);
  const [some] = of(runOf([1, 2, 2], 1), runOf([1, 2, 3], 2));
  expect(some?.at(1)).toBe('mariadb postgres some');
  const [reversed] = of(runOf([1, 2, 3], 1), runOf([1, 3, 2], 2));
  expect(reversed).toEqual([
    'cpu_us_per_req',
    'mariadb postgres reversed',
    'mariadb redis same',
    'postgres redis same',
  ]);
});

test('an order that one of three runs contradicts is reversed', () => {
  const [cpu] = of(runOf([1, 2, 3], 1), runOf([1, 2, 3], 2), runOf([2, 1, 3], 3));
  expect(cpu).toContain('postgres redis reversed');
});

test('groups are the same at any rate, and only those that all runs have count', () => {
  const open = (rate: number, seed: number) =>
    runOf([1, 2, 3], seed, { load_model: 'open-constant', target_rps: rate, lat_p50_us: 1, lat_p99_us: 2 });
  expect(of(open(1900, 1), open(2600, 2))[0]?.slice(1)).toEqual([
    'mariadb postgres same',
    'mariadb redis same',
    'postgres redis same',
  ]);
  expect(of(open(1900, 1), runOf([1, 2, 3], 2))).toEqual([]);
});
