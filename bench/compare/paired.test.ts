import { describe, expect, test } from 'vitest';
import type { Row } from '../results/row.ts';
import { seededRandom } from '../stats/random.ts';
import { compareArms as compare, reasons, twoArms, verdictOf } from './comparison-fixture.ts';
import { summaryLine } from './format.ts';
import { comparisonRecords } from './json.ts';
import { syntheticRows } from './rows-fixture.ts';

describe('paired by block', () => {
  test.each([
    ['+10 %', 1.1, 'REGRESSED', 'REGRESSED'],
    ['-10 %', 1 / 1.1, 'IMPROVED', 'IMPROVED'],
    ['no change', 1, 'OK', 'OK'],
    ['+1 %, below the margin', 1.01, 'OK', 'OK'],
    ['+4.5 %: over the margin of CPU, below that of throughput', 1.045, 'REGRESSED', 'INCONCLUSIVE'],
  ])('%s in 24 blocks of which the ratio scatters by three hundredths', (_, factor, cpu, rps) => {
    const { base, head } = twoArms(factor);
    const comparison = compare(base, head);
    expect(comparison.paired).toBe(true);
    expect(verdictOf(comparison, 'cpu_us_per_req')).toBe(cpu);
    expect(verdictOf(comparison, 'rps_ok')).toBe(rps);
    expect(comparison.verdict).toBe(cpu === 'IMPROVED' ? 'IMPROVED' : cpu);
  });

  test('the estimate and its interval hold the planted effect', () => {
    const { base, head } = twoArms(1.1);
    const [cpu, rps] = comparisonRecords(compare(base, head));
    expect(cpu).toMatchObject({
      metric: 'cpu_us_per_req',
      base_blocks: 24,
      method: 'paired',
      store: 'redis',
    });
    expect(cpu?.['delta_lower_pct']).toBeLessThan(10);
    expect(cpu?.['delta_upper_pct']).toBeGreaterThan(10);
    expect(cpu?.['delta_pct']).toBeCloseTo(10, -1);
    expect(rps?.['delta_pct']).toBeLessThan(-7);
    expect(cpu?.['margin_pct']).toBeCloseTo(3, 9);
    expect(rps?.['margin_pct']).toBeCloseTo(-5, 9);
    expect(cpu?.['p_worse_holm']).toBeLessThan(1e-5);
  });

  test('drift of the machine, alike for both arms of a block, is not seen', () => {
    const drifting = { blocks: 24, scatter: 0, cells: {}, drift: 0.3 };
    const base = syntheticRows({ run: 'r', stores: ['redis'], random: seededRandom(5), ...drifting });
    const head = syntheticRows({
      run: 'r',
      stores: ['redis'],
      random: seededRandom(5),
      factor: 1.05,
      ...drifting,
    });
    expect(verdictOf(compare(base, head), 'cpu_us_per_req')).toBe('REGRESSED');
  });

  test('identical figures are OK, with an interval of no width', () => {
    const { base } = twoArms(1);
    const comparison = compare(base, base);
    expect(comparison.verdict).toBe('OK');
    expect(comparisonRecords(comparison)[0]).toMatchObject({
      delta_pct: 0,
      delta_lower_pct: 0,
      delta_upper_pct: 0,
      p_two_sided: 1,
      verdict: 'OK',
    });
  });

  test('11 blocks: no verdict, whatever they show; 12: a verdict', () => {
    const eleven = twoArms(1.5, { blocks: 11 });
    const comparison = compare(eleven.base, eleven.head);
    expect(comparison.verdict).toBe('INCONCLUSIVE');
    expect(reasons(comparison)).toContain('11 blocks; a verdict needs 12');
    const twelve = twoArms(1.5, { blocks: 12 });
    expect(compare(twelve.base, twelve.head).verdict).toBe('REGRESSED');
  });

  test('much scatter: INCONCLUSIVE, with the smallest effect that could have been seen', () => {
    const { base, head } = twoArms(1, { scatter: 0.2 });
    const comparison = compare(base, head);
    expect(comparison.verdict).toBe('INCONCLUSIVE');
    expect(reasons(comparison)[0]).toMatch(/smallest detectable change is \+\d+\.\d %/);
    expect(reasons(comparison)[1]).toMatch(/smallest detectable change is -\d+\.\d %/);
    const [cpu] = comparisonRecords(comparison);
    expect(cpu?.['smallest_effect_pct']).toBeGreaterThan(15);
    expect(cpu?.['smallest_effect_pct']).toBeLessThan(40);
  });

  test('too many cells for 12 blocks to show anything say so', () => {
    const sizes = Array.from({ length: 22 }, (_, index) => 64 + index);
    const parts = sizes.map((payload_bytes) =>
      twoArms(1.5, { blocks: 12, scatter: 0.3, cells: { payload_bytes } }, payload_bytes),
    );
    const comparison = compare(
      parts.flatMap(({ base }) => base),
      parts.flatMap(({ head }) => head),
    );
    expect(comparison.verdict).toBe('INCONCLUSIVE');
    expect(reasons(comparison).join()).toContain('12 blocks can show nothing');
  });

  test('pairs are made by block, not by the order of rows', () => {
    const { base, head } = twoArms(1.04, { scatter: 0.001, drift: 0.5 });
    expect(comparisonRecords(compare(base, head.toReversed()))).toEqual(
      comparisonRecords(compare(base, head)),
    );
  });

  test('latency decides where it is quiet, and informs where it scatters', () => {
    const quiet = twoArms(1.5);
    expect(verdictOf(compare(quiet.base, quiet.head), 'p50_us')).toBe('REGRESSED');
    expect(verdictOf(compare(quiet.base, quiet.head), 'p99_us')).toBe('REGRESSED');
    const loud = twoArms(1.5, { scatter: 0.3 });
    expect(verdictOf(compare(loud.base, loud.head), 'p99_us')).toBe('INFORMATIVE');
  });
});

describe('which figures', () => {
  const shown = (base: Row[], head: Row[]) => {
    const [cpu] = comparisonRecords(compare(base, head));
    return [cpu?.['base_median'], cpu?.['head_median']];
  };
  const fixed = (cells: Row) =>
    twoArms(1, { scatter: 0, cells: { cpu_us_per_req_server: 80, ...cells } }).base;

  test('CPU is that of the servers and the store, where both files have both', () => {
    expect(shown(fixed({ cpu_us_per_req_store: 8 }), fixed({ cpu_us_per_req_store: 9 }))).toEqual([88, 89]);
    expect(shown(fixed({ cpu_us_per_req_store: 8 }), fixed({}))).toEqual([80, 80]);
    expect(shown(fixed({}), fixed({}))).toEqual([80, 80]);
  });

  test('response time where it is known, else service time', () => {
    const open = fixed({ load_model: 'poisson', target_rps: 2000, lat_p50_us: 7000, lat_p99_us: 9000 });
    const records = comparisonRecords(compare(open, open));
    expect(records.map((one) => [one['metric'], one['base_median']])).toEqual([
      ['cpu_us_per_req', 80],
      ['rps_ok', 10_000],
      ['p50_us', 7000],
      ['p99_us', 9000],
    ]);
    expect(records[1]).toMatchObject({ verdict: 'INFORMATIVE', reason: 'does not decide here' });
  });

  test('a metric that no row has is not compared; one that a side lacks in most blocks has few', () => {
    const without = fixed({}).map(({ svc_p99_us: _, ...row }) => row);
    expect(comparisonRecords(compare(without, without)).map((one) => one['metric'])).not.toContain('p99_us');
    const some = fixed({}).map((row, index) => {
      const { svc_p99_us: _, ...rest } = row;
      return index < 20 ? rest : row;
    });
    const p99 = comparisonRecords(compare(fixed({}), some)).find((one) => one['metric'] === 'p99_us');
    expect(p99).toMatchObject({ base_blocks: 4, verdict: 'INFORMATIVE' });
  });

  test('operations of a mix and revocation inform only', () => {
    const parts = twoArms(2, { cells: { operation: 'login', scenario: 'mixed' } });
    expect(compare(parts.base, parts.head).verdict).toBe('INCONCLUSIVE');
    const polls = twoArms(2, { cells: { scenario: 'revocation' } });
    const comparison = compare(polls.base, polls.head);
    expect(new Set(comparison.findings.map(({ verdict }) => verdict))).toEqual(new Set(['INFORMATIVE']));
    expect(summaryLine(comparison)).toBe('NO VERDICT: does not decide here');
  });
});
