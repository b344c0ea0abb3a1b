import { describe, expect, test } from 'vitest';
import type { Row } from '../results/row.ts';
import { compare, reasons, twoRuns, verdictOf } from './comparison-fixture.ts';
import { comparisonRecords } from './json.ts';

describe('two runs, no block in common', () => {
  test.each([
    ['+20 %', 1.2, 'REGRESSED'],
    ['-20 %', 1 / 1.2, 'IMPROVED'],
    ['no change', 1, 'OK'],
    ['+4 %, below the doubled margin', 1.04, 'OK'],
  ])('%s through the control, on a slower machine', (_, factor, cpu) => {
    const { base, head } = twoRuns(factor, { scatter: 0.01 });
    const comparison = compare(base, head);
    expect(comparison.paired).toBe(false);
    expect(verdictOf(comparison, 'cpu_us_per_req')).toBe(cpu);
    expect(verdictOf(comparison, 'cpu_us_per_req', 'none')).toBe('INFORMATIVE');
    const redis = comparisonRecords(comparison).find((one) => one['store'] === 'redis');
    expect(redis).toMatchObject({ method: 'through-control', base_blocks: 24, head_blocks: 24 });
    expect(redis?.['margin_pct']).toBeCloseTo(6, 9);
  });

  test('without the control in one of them: informative, never REGRESSED', () => {
    const { base, head } = twoRuns(3);
    const comparison = compare(
      base,
      head.filter((row) => row.store !== 'none'),
    );
    expect(comparison.findings.map(({ verdict }) => verdict)).not.toContain('REGRESSED');
    expect(reasons(comparison)).toContain('no control in both runs');
    expect(comparison.verdict).toBe('INCONCLUSIVE');
  });

  test('a control of another group is none', () => {
    const { base, head } = twoRuns(3);
    const elsewhere = (rows: Row[]) =>
      rows.map((row) => (row.store === 'none' ? { ...row, servers: 1 } : row));
    expect(reasons(compare(elsewhere(base), elsewhere(head)))).toContain('no control in both runs');
  });

  test('11 blocks on a side: no verdict; blocks whose control is invalid do not count', () => {
    const short = twoRuns(3, { blocks: 11 });
    expect(compare(short.base, short.head).verdict).toBe('INCONCLUSIVE');
    const { base, head } = twoRuns(3, { blocks: 12 });
    const spoilt = head.map((row) =>
      row.store === 'none' && row.block === 'b-3' ? { ...row, valid: false } : row,
    );
    const comparison = compare(base, spoilt);
    expect(verdictOf(comparison, 'cpu_us_per_req')).toBe('INCONCLUSIVE');
    expect(reasons(comparison)).toContain('12 and 11 blocks; a verdict needs 12');
    expect(compare(base, head).verdict).toBe('REGRESSED');
  });

  test('another host: a warning, and the control decides; another processor or Node: nothing does', () => {
    const { base, head } = twoRuns(1.3);
    const on = (cells: Row) =>
      compare(
        base,
        head.map((row) => ({ ...row, ...cells })),
      );
    expect(on({ host_id: 'h2' }).verdict).toBe('REGRESSED');
    expect(on({ host_id: 'h2' }).warnings[0]).toContain('two machines (host_id h1 and h2)');
    for (const cells of [{ cpu_model: 'Xeon' }, { node_version: 'v24.0.0' }, { cpu_count: 4 }]) {
      expect(on(cells).verdict).toBe('INCONCLUSIVE');
      expect(on(cells).warnings[0]).toContain('nothing is decided');
    }
  });
});
