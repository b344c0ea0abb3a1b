import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { readResultFile } from '../results/csv.ts';
import type { Row } from '../results/row.ts';
import { compareRows } from './compare.ts';
import { type ComparisonRecord, comparisonRecords } from './json.ts';
import { renderComparison } from './table.ts';

/** Files of commit 07d888b, and what `compare` said of them there: see the README beside them. */
const at = (name: string) => join(PROJECT_ROOT, 'bench/compare/fixtures/07d888b', name);
const recorded = (name: string) => JSON.parse(readFileSync(at(name), 'utf8')) as ComparisonRecord[];
const compare = (base: string, head: string, isKept: (row: Row) => boolean = () => true) =>
  compareRows(readResultFile(at(base)).filter(isKept), readResultFile(at(head)).filter(isKept), {
    base,
    head,
  });

/** Nine digits, as R and these statistics agree on. */
const rounded = (records: readonly ComparisonRecord[]) =>
  records.map((record) =>
    Object.fromEntries(
      Object.entries(record).map(([key, value]) => [
        key,
        typeof value === 'number' ? Number(value.toPrecision(9)) : value,
      ]),
    ),
  );

/** The lines of the table: metric, base, head, and the rest up to the verdict, whose words have changed. */
const linesOf = (text: string) =>
  [
    ...text.matchAll(/^(?:\S+)? +(CPU µs\/request|ok\/s|p\d\d µs) +([\d.,]+) +([\d.,]+) +(.*? +\d+) {2}/gm),
  ].map(([, ...parts]) => parts.map((part) => part.replace(/\s+/g, ' ')));

/** One of the committed gates, with 5 % more work for the control and one more round trip for redis. */
function campaign() {
  const rowsOf = (...names: string[]) =>
    names
      .flatMap((name) => readResultFile(join(PROJECT_ROOT, 'results/proof', name)))
      .filter(({ run_id }) => run_id === '20261125T211046-1aaa93');
  const base = rowsOf('gates-none-1.csv', 'gates-redis.csv');
  const head = rowsOf('gates-none-1-5pct.csv', 'gates-redis-extra-trip.csv');
  return compareRows(base, head, { base: 'base.csv', head: 'head.csv' });
}

describe.each([
  ['gate', () => compare('gate-base.csv', 'gate-head.csv'), ['REGRESSED']],
  ['proof', campaign, ['REGRESSED', 'OK']],
] as const)('two sides of one run: %s', (name, of, verdicts) => {
  const before = recorded(`${name}.json`);

  test('all figures, intervals and verdicts are those of 07d888b', () => {
    expect(before).toHaveLength(8);
    expect(before.map(({ verdict }) => verdict)).toEqual(expect.arrayContaining([...verdicts]));
    // There may be more keys by now.
    expect(rounded(comparisonRecords(of()))).toMatchObject(rounded(before));
  });

  test('people are shown the same table', () => {
    const lines = linesOf(readFileSync(at(`${name}.txt`), 'utf8'));
    expect(lines).toHaveLength(8);
    expect(linesOf(renderComparison(of(), false))).toEqual(lines);
  });
});

/**
 * Changed on purpose: two runs decide nothing any more, show no interval and no doubled margin, and are not divided by
 * the control. What is left are blocks, medians and, where 07d888b did not divide either, the change.
 */
describe('two files of two runs', () => {
  const figures = (records: readonly ComparisonRecord[]) =>
    rounded(records).map(
      ({ store, variant, metric, base_blocks, head_blocks, base_median, head_median }) => ({
        ...{ store, variant, metric, base_blocks, head_blocks, base_median, head_median },
      }),
    );
  const changes = (records: readonly ComparisonRecord[]) =>
    rounded(records).map(({ store, metric, delta_pct }) => ({ store, metric, delta_pct }));

  test('the medians are those of 07d888b, and the changes of the control', () => {
    const [before, now] = [recorded('runs.json'), comparisonRecords(compare('base.csv', 'head.csv'))];
    expect(before.length).toBeGreaterThanOrEqual(6);
    expect(figures(now)).toEqual(figures(before));
    const ofControl = ({ store }: ComparisonRecord) => store === 'none';
    expect(changes(now.filter(ofControl))).toEqual(changes(before.filter(ofControl)));
    expect(now.map(({ verdict }) => verdict)).toEqual(before.map(() => 'INFORMATIVE'));
  });

  test('without the control the changes are those of 07d888b, too', () => {
    const now = comparisonRecords(compare('base.csv', 'head.csv', ({ store }) => store !== 'none'));
    const before = recorded('runs-without-control.json');
    expect(before.length).toBeGreaterThanOrEqual(3);
    expect([figures(now), changes(now)]).toEqual([figures(before), changes(before)]);
  });

  test('people are shown the same medians', () => {
    const shown = (text: string) => linesOf(text).map((line) => line.slice(0, 3));
    const before = shown(readFileSync(at('runs.txt'), 'utf8'));
    expect(before).toHaveLength(8);
    expect(shown(renderComparison(compare('base.csv', 'head.csv'), false))).toEqual(before);
  });
});
