import { describe, expect, test } from 'vitest';
import { entriesOfComparison } from '../export/entries.ts';
import type { Row } from '../results/row.ts';
import { seededRandom } from '../stats/random.ts';
import { rankSumTest, smallestRankSumP } from '../stats/rank-sum.ts';
import { caught, reasons, severalRuns, verdictOf } from './comparison-fixture.ts';
import { summaryLine } from './format.ts';
import { comparisonRecords } from './json.ts';
import { renderMarkdown } from './markdown.ts';
import type { Synthetic } from './rows-fixture.ts';
import { compareRuns } from './runs.ts';
import type { RunFile } from './sessions.ts';
import { renderComparison } from './table.ts';

const CALLED: readonly string[] = ['REGRESSED', 'IMPROVED'];
type Options = Partial<Synthetic> & { runScatter?: number };

/** So many runs a side, head with these options besides. */
function sides(base: number, head: number, options: Options = {}, ofHead: Options = {}) {
  const common = { runScatter: 0.04, random: seededRandom(1), ...options };
  return [severalRuns('a', base, common), severalRuns('b', head, { ...common, ...ofHead })] as const;
}

const changed = (files: readonly RunFile[], change: (row: Row) => Row): RunFile[] =>
  files.map(({ name, rows }) => ({ name, rows: rows.map(change) }));
const redisCpu = (comparison: ReturnType<typeof compareRuns>) =>
  comparison.findings.find(
    (one) => one.metric?.name === 'cpu_us_per_req' && one.configuration.store === 'redis',
  );

describe('six runs against six', () => {
  test('of the same code are not called', () => {
    const { findings, runs, paired } = compareRuns(...sides(6, 6));
    expect([paired, runs]).toEqual([false, { base: 6, head: 6, sessions: 1 }]);
    expect(findings.filter(({ verdict }) => CALLED.includes(verdict))).toEqual([]);
    expect(findings.map(({ verdict }) => verdict)).toContain('INCONCLUSIVE');
  });

  test('15 % slower is REGRESSED, and the mirror image IMPROVED', () => {
    const [base, head] = sides(6, 6, {}, { factor: 1.15 });
    const comparison = compareRuns(base, head);
    expect([comparison.verdict, verdictOf(comparison, 'cpu_us_per_req')]).toEqual(['REGRESSED', 'REGRESSED']);
    expect(verdictOf(comparison, 'cpu_us_per_req', 'none')).toBe('INCONCLUSIVE');
    expect(verdictOf(compareRuns(head, base), 'cpu_us_per_req')).toBe('IMPROVED');
  });

  test('quiet ones without a change are OK', () => {
    const quiet = compareRuns(...sides(6, 6, { runScatter: 0.002, scatter: 0.002 }));
    expect(quiet.verdict).toBe('OK');
  });

  test('the figure of a run is the median of its valid blocks, as measured', () => {
    const [base, head] = sides(6, 6, { runScatter: 0, scatter: 0 }, { slowness: 1.1 });
    const disturbed = changed(base, (row) =>
      row.block?.endsWith('-1') ? { ...row, valid: false, cpu_us_per_req_server: 1e6 } : row,
    );
    const comparison = compareRuns(disturbed, head);
    expect(redisCpu(comparison)?.evidence?.medians.base).toBeCloseTo(85, 9);
    expect(redisCpu(comparison)?.evidence?.shift.estimate).toBeCloseTo(Math.log(1.1), 9);
    expect(comparison.warnings).toContain(
      'the files of --base: rows left out because they must not be used: 12',
    );
  });

  test('the output counts runs', () => {
    const comparison = compareRuns(...sides(6, 6, {}, { factor: 1.15 }));
    const text = renderComparison(comparison, false);
    expect(text).toMatch(/^6 runs against 6; /);
    expect(text).toMatch(/redis\S* +CPU µs\/request .* 6 +REGRESSED/);
    for (const shown of [text, renderMarkdown(comparison)])
      expect(shown.replace(/\s+/g, ' ')).toContain('over runs');
    const record = comparisonRecords(comparison).find(({ store }) => store === 'redis');
    expect(record).toMatchObject({ method: 'runs', base_blocks: 6, head_blocks: 6, verdict: 'REGRESSED' });
    expect(record?.['delta_lower_pct']).toBeGreaterThan(0);
    expect(entriesOfComparison(comparison)[0]?.extra).toContain('6 runs');
  });

  test('a cell that one run lacks is INCONCLUSIVE, one that a side lacks too, one without a valid row INVALID', () => {
    const [base, head] = sides(6, 6);
    const lost = (files: readonly RunFile[], count: number) =>
      files.map(({ name, rows }, index) => ({
        name,
        rows: index < count ? rows.filter(({ store }) => store !== 'redis') : rows,
      }));
    expect(redisCpu(compareRuns(base, lost(head, 1)))).toMatchObject({
      verdict: 'INCONCLUSIVE',
      reason: '6 and 5 runs; a verdict needs 6',
    });
    const without = compareRuns(base, lost(head, 6));
    expect(without.findings.at(-1)).toMatchObject({
      verdict: 'INCONCLUSIVE',
      reason: 'only in the files of --base',
    });
    const invalid = changed(head, (row) => (row.store === 'redis' ? { ...row, valid: false } : row));
    expect(compareRuns(base, invalid)).toMatchObject({ verdict: 'INVALID' });
  });

  test('latency joins only where so few runs can show anything beside it', () => {
    const stores = ['none', 'memory', 'redis', 'jwt'];
    const quiet = compareRuns(...sides(6, 6, { stores, runScatter: 0.01 }, { factor: 1.15 }));
    expect(verdictOf(quiet, 'cpu_us_per_req')).toBe('REGRESSED');
    expect(quiet.findings.find(({ metric }) => metric?.name === 'p50_us')?.reason).toBe(
      'informs: with as many deciding figures, so few runs can show nothing',
    );
  });
});

describe('they inform and decide nothing', () => {
  const least = /; the least visible change would be \+\d+\.\d % with six at this scatter$/;

  test('five runs against six, however far apart, with the least visible change', () => {
    const comparison = compareRuns(...sides(5, 6, {}, { factor: 3 }));
    expect(new Set(comparison.findings.map(({ verdict }) => verdict))).toEqual(new Set(['INFORMATIVE']));
    expect(comparison.verdict).toBe('INCONCLUSIVE');
    const reason = redisCpu(comparison)?.reason;
    expect(reason).toMatch(/^5 runs against 6; a verdict needs 6 on each side; /);
    expect(reason).toMatch(least);
    expect(summaryLine(comparison)).toMatch(/^NO VERDICT: 5 runs against 6; /);
  });

  test('one run against one, which has no scatter', () => {
    const comparison = compareRuns(...sides(1, 1, {}, { factor: 3 }));
    for (const reason of reasons(comparison))
      expect(reason).toBe(
        '1 run against 1; a verdict needs 6 on each side; the scatter of so few gives no least visible change',
      );
  });

  test('runs of two machines, which side or place they may have', () => {
    const [base, head] = sides(6, 6, {}, { factor: 3 });
    const elsewhere = (row: Row) => ({ ...row, host_id: 'h2' });
    const last = [...head.slice(0, 5), ...changed(head.slice(5), elsewhere)];
    for (const files of [changed(head, elsewhere), last]) {
      const comparison = compareRuns(base, files);
      expect(new Set(reasons(comparison))).toEqual(new Set(['runs of two machines']));
      expect(new Set(comparison.findings.map(({ verdict }) => verdict))).toEqual(new Set(['INFORMATIVE']));
      expect(comparison.warnings[0]).toBe('the files are of two machines (host_id h1 and h2)');
    }
  });
});

test('sides that did not take turns give no verdict, whichever is older', () => {
  const [base, head] = sides(6, 6, {}, { factor: 3 });
  const started = (files: readonly RunFile[], minutes: readonly number[]) =>
    files.map(({ name, rows }, index) => ({
      name,
      rows: rows.map((row) => ({
        ...row,
        started_at: `2026-11-25T20:${10 + (minutes[index] ?? 0)}:00.000Z`,
      })),
    }));
  const [early, late, odd] = [
    [1, 2, 3, 4, 5, 6],
    [7, 8, 9, 10, 11, 12],
    [1, 3, 5, 7, 9, 11],
  ];
  const even = [2, 4, 6, 8, 10, 12];
  const reason = (before: readonly number[], after: readonly number[]) =>
    compareRuns(started(base, before), started(head, after)).findings[0]?.reason;
  expect(reason(early, late)).toContain('take turns');
  expect(reason(late, early)).toContain('take turns');
  expect(reason(odd, even) ?? '').not.toContain('take turns');
});

describe('one file is one run', () => {
  const [base, head] = sides(6, 6);
  const [first, second] = base as [RunFile, RunFile];
  const error = (one: readonly RunFile[], other: readonly RunFile[]) =>
    caught(() => compareRuns(one, other))?.message;

  test.each<[string, readonly RunFile[], readonly RunFile[], string]>([
    [
      'the same run in two files of a side',
      base,
      [...head, { ...(head[0] as RunFile), name: 'c.csv' }],
      'run_id b1 in b1.csv and c.csv',
    ],
    ['the same run on both sides', base, [first, ...head], 'run_id a1 in a1.csv and a1.csv'],
    [
      'two runs in a file',
      [{ name: 'both.csv', rows: [...first.rows, ...second.rows] }],
      head,
      'rows of one run in both.csv, got run_id a1 and a2',
    ],
    ['rows without a run', changed(base, ({ run_id: _, ...row }) => row), head, 'got run_id empty'],
    ['a file without rows', [...base, { name: 'header.csv', rows: [] }], head, 'valid rows in header.csv'],
    [
      'nothing in common',
      base,
      changed(head, (row) => ({ ...row, servers: 9 })),
      'a configuration that both sides measured',
    ],
  ])('%s is an error', (_, one, other, words) => {
    expect(error(one, other)).toContain(words);
  });
});

test.each([
  [1, 1, 2],
  [4, 4, 70],
  [5, 6, 462],
  [6, 6, 924],
  [6, 7, 1716],
])('the smallest p of %i values against %i is one of %i orders', (m, n, orders) => {
  const values = (count: number, from: number) => Array.from({ length: count }, (_, index) => from + index);
  expect(smallestRankSumP(m, n)).toBeCloseTo(1 / orders, 12);
  expect(rankSumTest(values(n, 0), values(m, 100)).pUp).toBeCloseTo(1 / orders, 12);
});
