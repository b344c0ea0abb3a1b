import { describe, expect, test } from 'vitest';
import { compareRows } from '../compare/compare.ts';
import { asOtherArm } from '../compare/comparison-fixture.ts';
import { interleavedRows } from '../ranking/rows-fixture.ts';
import type { Row } from '../results/row.ts';
import { seededRandom } from '../stats/random.ts';
import { entriesOfComparison, entriesOfRun } from './entries.ts';
import { type BencherMetric, formatted, type GithubBenchmark } from './formats.ts';
import { type ExportFormat, parseExports } from './parse.ts';

const rowsOf = (blocks: number, options: { factor?: number; cells?: Row } = {}) =>
  interleavedRows({
    arms: { none: 0.5, redis: options.factor ?? 1 },
    blocks,
    scatter: 0.01,
    drift: 0,
    cells: options.cells ?? {},
    random: seededRandom(3),
  });
const exported = <T>(format: ExportFormat, rows: readonly Row[]) =>
  JSON.parse(formatted(format, entriesOfRun(rows))) as T;
const NAME =
  'redis[durability=second;pipelining=none] read, 3 servers, haproxy, round-robin, 256 B, cookie, 64 connections, uniform keys, closed, slices';

describe('a run', () => {
  test('github-action-benchmark: one direction per file, with interval and blocks', () => {
    const smaller = exported<GithubBenchmark[]>('github-action-benchmark', rowsOf(12));
    expect(smaller.map(({ name }) => name.split(': ')[1])).toEqual([
      ...['cpu_us_per_req', 'svc_p50_us', 'svc_p99_us'],
      ...['cpu_us_per_req', 'svc_p50_us', 'svc_p99_us'],
    ]);
    const cpu = smaller.find(({ name }) => name === `${NAME}: cpu_us_per_req`);
    expect(cpu).toMatchObject({ unit: 'µs/request', extra: '12 blocks' });
    expect(cpu?.range).toMatch(/^\[(9\d|100)\.\d+, 10\d\.\d+\]$/);
    const bigger = exported<GithubBenchmark[]>('github-action-benchmark-throughput', rowsOf(12));
    expect(bigger).toHaveLength(2);
    for (const one of bigger) expect(one).toMatchObject({ unit: 'requests/s', value: expect.any(Number) });
  });

  test('Bencher: measures of a benchmark with their bounds, and none of few blocks', () => {
    type Bencher = Record<string, Record<string, BencherMetric>>;
    const measures = exported<Bencher>('bencher', rowsOf(12))[NAME];
    expect(Object.keys(measures ?? {})).toEqual(['cpu-us-per-req', 'rps-ok', 'svc-p50-us', 'svc-p99-us']);
    const { value = 0, lower_value = 0, upper_value = 0 } = measures?.['cpu-us-per-req'] ?? {};
    expect([lower_value < value, value < upper_value, Math.abs(value - 100) < 2]).toEqual([true, true, true]);
    const few = exported<Bencher>('bencher', rowsOf(3))[NAME]?.['cpu-us-per-req'];
    expect(Object.keys(few ?? {})).toEqual(['value']);
  });

  test('an open loop: response times, and no throughput', () => {
    const cells = { load_model: 'open-poisson', target_rps: 2000, lat_p50_us: 1000, lat_p99_us: 9000 };
    const names = entriesOfRun(rowsOf(2, { cells })).map(({ measure }) => measure);
    expect(new Set(names)).toEqual(new Set(['cpu_us_per_req', 'lat_p50_us', 'lat_p99_us']));
    expect(exported<unknown[]>('github-action-benchmark-throughput', rowsOf(2, { cells }))).toEqual([]);
  });

  test('rows that may not be used, and blocks with them, are left out', () => {
    const spoilt = rowsOf(13).map((row) =>
      row.store === 'none' && row.block === 'r-1' ? { ...row, valid: false } : row,
    );
    expect(new Set(entriesOfRun(spoilt).map(({ extra }) => extra))).toEqual(new Set(['12 blocks']));
    expect(entriesOfRun(rowsOf(1).map((row) => ({ ...row, valid: false })))).toEqual([]);
  });
});

describe('a comparison', () => {
  const names = { base: 'base.csv', head: 'head.csv' };
  test('head as per cent of base, under the same name as the run', () => {
    const head = asOtherArm(rowsOf(24, { factor: 1.1 }));
    const entries = entriesOfComparison(compareRows(rowsOf(24), head, names));
    const of = (measure: string) => entries.find((one) => one.benchmark === NAME && one.measure === measure);
    const [cpu, rps] = [of('cpu_us_per_req_pct_of_base'), of('rps_ok_pct_of_base')];
    expect(cpu).toMatchObject({ unit: '% of base', better: 'lower' });
    expect(cpu?.value).toBeCloseTo(110, 0);
    expect(rps).toMatchObject({ better: 'higher' });
    expect(rps?.value).toBeCloseTo(100 / 1.1, 0);
    expect(cpu?.extra).toBe('REGRESSED, 24 blocks, interval 95 %');
    const json = formatted('bencher', entries);
    expect(JSON.parse(json)[NAME]['cpu-us-per-req-pct-of-base'].lower_value).toBeLessThanOrEqual(110);
  });

  test('bounds that do not exist and cells that only one file has are left out', () => {
    const [base, head] = [rowsOf(3), asOtherArm(rowsOf(3)).filter(({ store }) => store === 'redis')];
    const entries = entriesOfComparison(compareRows(base, head, names));
    expect(new Set(entries.map(({ benchmark }) => benchmark))).toEqual(new Set([NAME]));
    expect(formatted('bencher', entries)).not.toContain('lower_value');
    expect(formatted('github-action-benchmark', entries)).not.toContain('range');
  });
});

describe('--export', () => {
  test('formats and files', () => {
    expect(parseExports(['bencher=b.json', 'github-action-benchmark=a=1.json'])).toEqual([
      { format: 'bencher', path: 'b.json' },
      { format: 'github-action-benchmark', path: 'a=1.json' },
    ]);
    expect(parseExports([])).toEqual([]);
  });

  test.each([
    [['benchr=b.json'], 'Did you mean bencher?'],
    [['bencher'], 'Write --export bencher=FILE.json.'],
    [['bencher='], 'FORMAT=FILE for --export'],
    [['bencher=rows.csv'], 'ends in .json'],
    [['bencher=ROWS.CSV'], 'ends in .json'],
    [['bencher=a.json', 'github-action-benchmark=a.json'], '"a.json" twice'],
  ])('%j is refused on one line', (values, words) => {
    expect(() => parseExports(values)).toThrow(words);
    expect(() => parseExports(values)).toThrow(/^USAGE: [^\n]+$/);
  });
});
