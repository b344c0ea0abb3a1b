import { describe, expect, test } from 'vitest';
import { BenchError } from '../errors.ts';
import type { Row } from '../results/row.ts';
import { seededRandom } from '../stats/random.ts';
import { type Comparison, compareRows } from './compare.ts';
import { summaryLine } from './format.ts';
import { comparisonRecords } from './json.ts';
import { renderMarkdown } from './markdown.ts';
import { type Synthetic, syntheticRows } from './rows-fixture.ts';
import { renderComparison } from './table.ts';

const NAMES = { base: 'base.csv', head: 'head.csv' };
const compare = (base: readonly Row[], head: readonly Row[]) => compareRows(base, head, NAMES);

/** Two files of one run: the same blocks, each side with its own scatter and effect. */
function twoArms(factor: number, options: Partial<Synthetic> = {}, seed = 1) {
  const random = seededRandom(seed);
  const common = { run: 'r', stores: ['redis'], blocks: 24, scatter: 0.02, random, ...options };
  return { base: syntheticRows(common), head: syntheticRows({ ...common, factor }) };
}

/** Two files of two runs on machines of differing speed. */
function twoRuns(factor: number, options: Partial<Synthetic> = {}, seed = 1) {
  const random = seededRandom(seed);
  const common = { stores: ['none', 'redis'], blocks: 24, scatter: 0.02, drift: 0.2, random, ...options };
  const base = syntheticRows({ run: 'a', ...common });
  return { base, head: syntheticRows({ run: 'b', slowness: 1.3, ...common, factor }) };
}

const verdictOf = (comparison: Comparison, metric: string, store = 'redis') =>
  comparison.findings.find((one) => one.metric?.name === metric && one.configuration.store === store)
    ?.verdict;
const reasons = ({ findings }: Comparison) => findings.map(({ reason }) => reason);

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
    expect(reasons(comparison)[0]).toMatch(/least change that could have been seen is \+\d+\.\d %/);
    expect(reasons(comparison)[1]).toMatch(/least change that could have been seen is -\d+\.\d %/);
    const [cpu] = comparisonRecords(comparison);
    expect(cpu?.['smallest_effect_pct']).toBeGreaterThan(15);
    expect(cpu?.['smallest_effect_pct']).toBeLessThan(40);
  });

  test('so many cells that 12 blocks can show nothing say so', () => {
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

  test('a metric that no row has is no question; one that a side lacks in most blocks has few', () => {
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
    expect(summaryLine(comparison)).toContain('nothing here decides');
  });
});

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

describe('what is missing or spoilt', () => {
  test('a cell that head lacks is INCONCLUSIVE, one that base lacks is listed', () => {
    const random = seededRandom(3);
    const common = { run: 'r', blocks: 24, scatter: 0.01, random };
    const two = syntheticRows({ ...common, stores: ['redis', 'jwt'] });
    const one = syntheticRows({ ...common, stores: ['redis'] });
    const lost = compare(two, one);
    expect(lost.verdict).toBe('INCONCLUSIVE');
    expect(reasons(lost)).toContain('only in base.csv');
    const added = compare(one, two);
    expect(added.verdict).toBe('OK');
    expect(reasons(added)).toContain('only in head.csv');
  });

  test('invalid rows are left out, with their block, and counted', () => {
    const { base, head } = twoArms(1, { blocks: 13 });
    const spoilt = head.map((row, index) =>
      index === 0 ? { ...row, valid: false, cpu_us_per_req_server: 9e9 } : row,
    );
    const comparison = compare(base, spoilt);
    expect(comparisonRecords(comparison)[0]).toMatchObject({ base_blocks: 12, verdict: 'OK' });
    expect(comparison.warnings).toEqual([
      'base.csv: rows left out because the other file lacks their block: 1',
      'head.csv: rows left out because they may not be used: 1',
    ]);
  });

  test('a cell whose rows are all invalid on one side is INVALID, and REGRESSED is graver', () => {
    const random = seededRandom(3);
    const rows = (factor: number) =>
      syntheticRows({ run: 'r', stores: ['redis', 'jwt'], blocks: 24, scatter: 0.01, random, factor });
    const broken = (from: Row[]) => from.map((row) => (row.store === 'jwt' ? { ...row, valid: false } : row));
    const comparison = compare(rows(1), broken(rows(1)));
    expect(comparison.verdict).toBe('INVALID');
    expect(reasons(comparison)).toContain('no valid row in head.csv');
    expect(compare(rows(1), broken(rows(1.2))).verdict).toBe('REGRESSED');
  });

  test('what a backend cannot do on either side is no question; on one side it is INVALID', () => {
    const { base, head } = twoArms(1);
    const unsupported = base.map((row) => ({
      ...row,
      store: 'jwt',
      payload_bytes: 65_536,
      status: 'unsupported',
      valid: false,
    }));
    expect(compare([...base, ...unsupported], [...head, ...unsupported]).verdict).toBe('OK');
    const works = unsupported.map((row) => ({ ...row, status: 'ok', valid: true }));
    expect(compare([...base, ...works], [...head, ...unsupported]).verdict).toBe('INVALID');
  });

  test('a cell without a block in common is INCONCLUSIVE', () => {
    const { base, head } = twoArms(1);
    const other = base.map((row, index) => ({ ...row, store: 'jwt', block: `x-${index}` }));
    const others = base.map((row, index) => ({ ...row, store: 'jwt', block: `y-${index}` }));
    const comparison = compare([...base, ...other], [...head, ...others]);
    expect(verdictOf(comparison, 'cpu_us_per_req', 'jwt')).toBe('INCONCLUSIVE');
    expect(reasons(comparison)).toContain('0 blocks; a verdict needs 12');
  });

  test('other versions of a service are said', () => {
    const { base, head } = twoArms(1);
    const versions = (rows: Row[], store_version: string) => rows.map((row) => ({ ...row, store_version }));
    expect(compare(versions(base, '7.0'), versions(head, '7.2')).warnings).toEqual([
      'redis: store_version 7.0 in base, 7.2 in head',
    ]);
  });

  const valid = twoArms(1);
  const change = (cells: { [C in keyof Row]: Row[C] | undefined }) =>
    valid.head.map((row) => ({ ...row, ...cells }) as Row);
  test.each<[string, Row[], string, string]>([
    ['no rows', [], 'NOTHING_TO_COMPARE', 'valid rows in head.csv, got none'],
    ['no valid row', change({ valid: false }), 'NOTHING_TO_COMPARE', '24 that may not be used'],
    ['no cell in common', change({ store: 'jwt' }), 'NOTHING_TO_COMPARE', 'none in common'],
    ['another schema', change({ schema_version: 2 }), 'CSV_INVALID', 'schema_version 2 in row 1'],
    ['no schema', change({ schema_version: undefined }), 'CSV_INVALID', 'schema_version empty'],
    ['no block', change({ block: undefined }), 'CSV_INVALID', 'no block in row 1'],
    ['a row twice', [...valid.head, ...valid.head], 'CSV_INVALID', 'a second row of block r-1'],
    ['shared blocks, two machines', change({ host_id: 'h2' }), 'CSV_INVALID', 'host_id h1 and h2'],
    [
      'two machines in a file',
      valid.head.map((row, index) => ({ ...row, cpu_model: `m${index % 2}` })),
      'CSV_INVALID',
      'cpu_model m0 and m1',
    ],
  ])('%s is an error', (_, head, code, message) => {
    const error = caught(() => compare(valid.base, head));
    expect(error).toMatchObject({ code });
    expect(error?.message).toContain(message);
    expect(error?.message).not.toContain('\n');
  });
});

function caught(work: () => unknown): BenchError | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof BenchError) return error;
    throw error;
  }
  return undefined;
}

describe('what is shown', () => {
  const { base, head } = twoArms(1.1);
  const comparison = compare(base, head);

  test('the table in benchstat’s shape', () => {
    const text = renderComparison(comparison, false);
    expect(text).toMatch(/cell +metric +base +head +Δ \[95 %\] +p +n +verdict/);
    expect(text).toMatch(
      /redis +CPU µs\/request +8\d\.\d +9\d\.\d +\+\d+\.\d% \[\+.*\] +<0\.001 +24 +REGRESSED/,
    );
    expect(text).toContain('paired by block; variant durability=second, servers 3');
    expect(text.trimEnd().split('\n').at(-1)).toMatch(/^REGRESSED: \d of 4: redis CPU µs\/request \+/);
    expect(text).not.toContain('\u001b');
    expect(renderComparison(comparison, true)).toContain('\u001b[31mREGRESSED');
  });

  test('no difference is ~, with its interval', () => {
    expect(renderComparison(compare(base, base), false)).toContain('~ [+0.0%, +0.0%]');
  });

  test('cells are named by what tells them apart', () => {
    const wide = (rows: Row[]) => rows.map((row) => ({ ...row, payload_bytes: 4096 }));
    const text = renderComparison(compare([...base, ...wide(base)], [...head, ...wide(head)]), false);
    expect(text).toMatch(/^redis payload_bytes=256 /m);
    expect(text).toMatch(/^redis payload_bytes=4096 /m);
  });

  test('Markdown holds nothing that a file could put into a comment', () => {
    const hostile = (rows: Row[]) => rows.map((row) => ({ ...row, store: '<b>|@all\u001b[2J\n# x' }));
    const text = renderMarkdown(compare(hostile(base), hostile(head)));
    expect(text).toMatch(/^\*\*session-bench compare: REGRESSED/);
    expect(text).toContain('| **REGRESSED** |');
    expect(text).not.toMatch(/(?<!\\)<b|@all|^# x/m);
    expect(text).not.toContain('\u001b');
    const columns = text.split('\n').filter((line) => line.startsWith('|'));
    for (const line of columns) expect(line.match(/(?<!\\)\|/g)).toHaveLength(10);
    expect(renderComparison(compare(hostile(base), hostile(head)), false)).not.toContain('\u001b');
  });

  test('JSON has no value that JSON cannot hold', () => {
    const few = twoArms(1, { blocks: 3 });
    const records = comparisonRecords(compare(few.base, few.head));
    expect(JSON.parse(JSON.stringify(records))).toEqual(records);
    expect(records[0]).toMatchObject({ delta_lower_pct: null, target_rps: null, p_worse_holm: null });
  });
});
