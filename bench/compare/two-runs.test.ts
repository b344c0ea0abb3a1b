import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { entriesOfComparison } from '../export/entries.ts';
import { readResultFile } from '../results/csv.ts';
import type { Row } from '../results/row.ts';
import { asOtherArm, compare, reasons, twoRuns, verdictOf } from './comparison-fixture.ts';
import { summaryLine } from './format.ts';
import { comparisonRecords } from './json.ts';
import { renderComparison } from './table.ts';

const DECIDED: readonly string[] = ['REGRESSED', 'IMPROVED', 'OK', 'INCONCLUSIVE'];
const decided = (base: readonly Row[], head: readonly Row[]) =>
  compare(base, head).findings.filter(({ verdict }) => DECIDED.includes(verdict));

describe('two runs, no block in common: they inform, and nothing is decided', () => {
  test.each([
    ['three times as slow', 3],
    ['three times as fast', 1 / 3],
    ['no change', 1],
  ])('%s, with the control and without', (_, factor) => {
    const { base, head } = twoRuns(factor, { scatter: 0.01 });
    const withoutControl = head.filter((row) => row.store !== 'none');
    expect(decided(base, head)).toEqual([]);
    expect(
      decided(
        base.filter((row) => row.store !== 'none'),
        withoutControl,
      ),
    ).toEqual([]);
    const comparison = compare(base, head);
    expect([comparison.paired, comparison.verdict]).toEqual([false, 'INCONCLUSIVE']);
    for (const reason of reasons(comparison)) expect(reason).toContain('one run on each side');
  });

  test('the figures are those of the files, undivided, and the change is theirs', () => {
    const { base, head } = twoRuns(1.2, { scatter: 0, drift: 0 });
    const redis = comparisonRecords(compare(base, head)).find((one) => one['store'] === 'redis');
    expect(redis).toMatchObject({ method: 'unpaired', base_blocks: 24, head_blocks: 24, p_worse_holm: null });
    expect(redis?.['base_median']).toBeCloseTo(85, 9);
    expect(redis?.['delta_pct']).toBeCloseTo(100 * (1.2 * 1.3 - 1), 9);
    expect(redis?.['margin_pct']).toBeCloseTo(3, 9);
  });

  test('no interval and no p of blocks is shown, for runs differ by more', () => {
    const { base, head } = twoRuns(1.2);
    const text = renderComparison(compare(base, head), false);
    expect(text).toMatch(/redis\S* +CPU µs\/request +[\d.]+ +[\d.]+ +\+[\d.]+% +24 +no verdict/);
    expect(text.trimEnd().replace(/\n +/g, ' ').split('\n').at(-1)).toMatch(
      /^NO VERDICT: one run on each side: /,
    );
  });

  test('what one side lost is reported, and gives no verdict either', () => {
    const { base, head } = twoRuns(1);
    const lost = compare(
      base,
      head.filter((row) => row.store !== 'redis'),
    );
    expect(reasons(lost)).toContain('only in base.csv');
    const spoilt = head.map((row) =>
      row.store === 'redis' ? { ...row, valid: false, engine: 'autocannon' } : row,
    );
    const before = base.map((row) => ({ ...row, engine: 'autocannon' }));
    for (const comparison of [lost, compare(before, spoilt)]) {
      expect(comparison.findings.filter(({ verdict }) => verdict !== 'INFORMATIVE')).toEqual([]);
      expect(summaryLine(comparison)).toMatch(/^NO VERDICT: /);
    }
  });

  test('the same blocks measured twice, as by two continuations of a stopped run, are two runs', () => {
    const { base } = twoRuns(1);
    const again = base.map((row) => ({
      ...row,
      cpu_us_per_req_server: 2 * (row.cpu_us_per_req_server ?? 0),
    }));
    const comparison = compare(base, again);
    expect([comparison.paired, decided(base, again)]).toEqual([false, []]);
    const elsewhere = asOtherArm(base).map((row) => ({ ...row, run_id: 'z' }));
    expect(compare(base, elsewhere).paired).toBe(false);
    expect(compare(base, asOtherArm(base)).paired).toBe(true);
  });

  test('no interval of blocks leaves in JSON or an export', () => {
    const { base, head } = twoRuns(1.2);
    for (const record of comparisonRecords(compare(base, head)))
      expect(record).toMatchObject({ delta_lower_pct: null, delta_upper_pct: null, p_two_sided: null });
    for (const { lower, upper } of entriesOfComparison(compare(base, head)))
      expect([lower, upper]).toEqual([undefined, undefined]);
  });

  test('another machine is a warning', () => {
    const { base, head } = twoRuns(1.3);
    const other = head.map((row) => ({ ...row, host_id: 'h2' }));
    expect(compare(base, other).warnings[0]).toBe('the files are of two machines (host_id h1 and h2)');
  });
});

/** Fourteen runs of one commit on one machine within 90 minutes: through the control 56 % of pairs once got a verdict. */
describe('the committed runs of identical code', () => {
  const rows = ['gates-none-1.csv', 'gates-redis.csv'].flatMap((name) =>
    readResultFile(join(PROJECT_ROOT, 'results', 'proof', name)),
  );
  const runOf = (id: string) => rows.filter((row) => row.run_id === id);

  test('the pair that was called +19.4 %, while redis itself had become faster', () => {
    const [base, head] = [runOf('20261125T202648-17ec4a'), runOf('20261125T195639-f76416')];
    const comparison = compare(base, head);
    expect(comparison.findings.map(({ verdict }) => verdict)).not.toContain('REGRESSED');
    expect(comparison.verdict).toBe('INCONCLUSIVE');
    expect(summaryLine(comparison)).toMatch(/^NO VERDICT: /);
    const cpu = comparison.findings.find(
      (one) => one.metric?.name === 'cpu_us_per_req' && one.configuration.store === 'redis',
    );
    expect(cpu?.evidence?.medians.base).toBeCloseTo(40.9, 1);
    expect(cpu?.evidence?.medians.head).toBeCloseTo(38.9, 1);
    expect(verdictOf(comparison, 'cpu_us_per_req')).toBe('INFORMATIVE');
  });

  test('no pair of them, in either direction, gets a verdict', () => {
    const ids = [...new Set(rows.map((row) => row.run_id as string))].filter((id) =>
      id.startsWith('20261125'),
    );
    const pairs = ids.flatMap((base) =>
      ids.filter((head) => head !== base).map((head) => [base, head] as const),
    );
    expect(pairs.length).toBeGreaterThanOrEqual(182);
    for (const [base, head] of pairs) expect(decided(runOf(base), runOf(head))).toEqual([]);
  });
});

describe('a file of before an option existed', () => {
  const reference = readResultFile(join(PROJECT_ROOT, 'results', 'reference', 'read-3-servers-sticky.csv'));
  const jwt = reference.filter((row) => row.store === 'jwt' || row.store === 'jwt-blacklist');
  const written = (lib: string) =>
    asOtherArm(jwt).map(
      (row): Row => ({ ...row, variant: `${row.variant};cache=off;lib=${lib}`.split(';').sort().join(';') }),
    );

  test('holds no library, and pairs with the one that it was measured with', () => {
    expect(jwt.map(({ variant }) => variant).join()).not.toContain('lib=');
    const comparison = compare(jwt, written('jsonwebtoken'));
    expect(comparison.paired).toBe(true);
    expect(comparison.findings.map(({ verdict }) => verdict)).not.toContain('INCONCLUSIVE');
    expect(renderComparison(comparison, false)).toMatch(/^jwt:lib=jsonwebtoken +CPU/m);
  });

  test('does not pair with another', () => {
    expect(() => compare(jwt, written('fast-jwt'))).toThrow(
      'a configuration that both files measured, got none',
    );
  });
});
