import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createResultFile } from '../results/csv.ts';
import type { Row } from '../results/row.ts';
import { seededRandom } from '../stats/random.ts';
import { bench, scratch } from '../tests/cli-fixture.ts';
import { severalRuns } from './comparison-fixture.ts';
import { type Synthetic, syntheticRows } from './rows-fixture.ts';

/** `pnpm bench compare` as a process, on files made by the writer that the bench itself uses. */
const directory = scratch();
afterAll(directory.remove);
const at = (name: string) => join(directory.path, name);
const compare = (...args: string[]) => bench(['compare', ...args], directory.path);

function write(name: string, rows: readonly Row[]): string {
  rmSync(at(name), { force: true });
  const file = createResultFile(at(name));
  for (const row of rows) file.append(row);
  file.close();
  return at(name);
}

const random = seededRandom(11);
const rows = (options: Partial<Synthetic> = {}) =>
  syntheticRows({ run: 'r', stores: ['redis', 'jwt'], blocks: 24, scatter: 0.015, random, ...options });
const base = write('base.csv', rows());
const same = write('same.csv', rows({ firstPlace: 100 }));
const slower = write('slower.csv', rows({ factor: 1.1, firstPlace: 100 }));

describe.concurrent('verdicts and exit codes', () => {
  test('a regression ends with 3, and says what on one line', async () => {
    const { code, stdout, stderr } = await compare(base, slower);
    expect(code).toBe(3);
    expect(stdout).toMatch(/redis\S* +CPU µs\/request .* REGRESSED/);
    expect(stdout).not.toContain('\u001b');
    expect(stderr).toMatch(/^session-bench: REGRESSED: \d of 8: .*\n$/);
  });

  test('no change ends with 0 and silence, an improvement too', async () => {
    const unchanged = await compare(base, same, '--strict');
    expect(unchanged).toMatchObject({ code: 0, stderr: '' });
    expect(unchanged.stdout).toContain('NO REGRESSION: all 8 below their margins');
    const faster = await compare(slower, base, '--strict', '--no-color');
    expect(faster).toMatchObject({ code: 0, stderr: '' });
    expect(faster.stdout).toContain('IMPROVED');
  });

  test('inconclusive ends with 0 and a warning, with --strict 4', async () => {
    const few = [
      write('few-1.csv', rows({ blocks: 11 })),
      write('few-2.csv', rows({ blocks: 11, firstPlace: 100 })),
    ] as const;
    const lenient = await compare(...few);
    expect(lenient.code).toBe(0);
    expect(lenient.stderr).toMatch(/^session-bench: INCONCLUSIVE: .*\n$/);
    expect(lenient.stdout).toContain('11 blocks; a verdict needs 12');
    expect((await compare(...few, '--strict')).code).toBe(4);
  });

  test('two runs inform and end with 0, with the control and without, however far apart', async () => {
    const runs = { stores: ['none', 'redis'], drift: 0.2 };
    const one = write('run-1.csv', rows({ run: 'a', ...runs }));
    const slow = rows({ run: 'b', slowness: 1.4, factor: 3, ...runs });
    const two = write('run-2.csv', slow);
    const without = write(
      'run-3.csv',
      slow.filter((row) => row.store !== 'none'),
    );
    for (const head of [two, without]) {
      const { code, stdout, stderr } = await compare(one, head);
      expect(code).toBe(0);
      expect(stdout).toContain('no verdict');
      expect(stdout).not.toMatch(/REGRESSED|IMPROVED/);
      expect(stderr).toMatch(/^session-bench: NO VERDICT: one run on each side: .*\n$/);
    }
    expect((await compare(one, two, '--strict')).code).toBe(4);
  });

  test('several runs a side: 3 for a regression, 0 for fewer than six, which inform', async () => {
    const runRandom = seededRandom(1);
    const files = (side: string, factor: number) =>
      severalRuns(side, 6, { runScatter: 0.02, factor, random: runRandom }).map(({ name, rows: own }) =>
        write(name, own),
      );
    const [before, after] = [files('a', 1), files('b', 1.15)];
    const called = await compare('--base', before.join(','), '--head', after.join(','));
    expect(called.code).toBe(3);
    expect(called.stdout).toMatch(/^6 runs against 6; /);
    expect(called.stderr).toMatch(/^session-bench: REGRESSED: .*\n$/);
    const few = ['--base', before.slice(1).join(','), '--head', after.join(',')];
    const informed = await compare(...few);
    expect(informed.code).toBe(0);
    expect(informed.stderr).toMatch(/^session-bench: NO VERDICT: 5 runs against 6; .*\n$/);
    expect((await compare(...few, '--strict')).code).toBe(4);
  });

  test('nothing valid ends with 4', async () => {
    const spoilt = write(
      'spoilt.csv',
      rows().map((row) => ({ ...row, valid: false })),
    );
    const { code, stdout, stderr } = await compare(base, spoilt);
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr).toMatch(/^session-bench: NOTHING_TO_COMPARE: expected valid rows in .*\n$/);
  });
});

describe.concurrent('other forms', () => {
  test('--json is an array of objects, and nothing else', async () => {
    const { code, stdout } = await compare(base, slower, '--json');
    expect(code).toBe(3);
    const records = JSON.parse(stdout) as Record<string, unknown>[];
    expect(records).toHaveLength(8);
    expect(records[0]).toMatchObject({ store: 'redis', metric: 'cpu_us_per_req', verdict: 'REGRESSED' });
  });

  test('--markdown writes the report, replaces an older one, and shows the table as well', async () => {
    const report = at('report.md');
    writeFileSync(report, 'older');
    const { code, stdout } = await compare(base, slower, '--markdown', report);
    expect(code).toBe(3);
    expect(stdout).toContain('REGRESSED');
    expect(readFileSync(report, 'utf8')).toMatch(/^\*\*session-bench compare: REGRESSED/);
  });

  test('--export writes for other tools, one file each', async () => {
    const [bencher, action] = [at('bencher.json'), at('action.json')];
    const flags = ['--export', `bencher=${bencher}`, '--export', `github-action-benchmark=${action}`];
    expect((await compare(base, slower, ...flags)).code).toBe(3);
    const entries = JSON.parse(readFileSync(action, 'utf8')) as { name: string; value: number }[];
    expect(entries.map(({ name }) => name.split(': ')[1])).toContain('cpu_us_per_req_pct_of_base');
    for (const { value } of entries) expect(value).toBeGreaterThan(105);
    expect(Object.keys(JSON.parse(readFileSync(bencher, 'utf8')))).toHaveLength(2);
  });

  test('help names the files and flags', async () => {
    const { code, stdout } = await compare('--help');
    expect(code).toBe(0);
    expect(stdout).toContain('BASE.csv HEAD.csv');
    for (const flag of ['--base', '--head', '--strict', '--json', '--markdown', '--export', '--no-color'])
      expect(stdout).toContain(flag);
  });
});

describe.concurrent('every wrong argument: one line, nothing on standard output', () => {
  mkdirSync(at('folder.csv'));
  const damaged = (name: string, text: string) => {
    writeFileSync(at(name), text);
    return at(name);
  };
  test.each<[string, string[], number, string]>([
    ['no file', [], 2, 'two result files'],
    ['one file', [base], 2, 'got 1'],
    ['three files', [base, same, slower], 2, 'got 3'],
    ['a file that does not exist', [base, at('nowhere.csv')], 2, 'does not exist'],
    ['a directory', [at('folder.csv'), base], 2, 'which is not a file'],
    ['one file twice', [base, join(directory.path, '.', 'base.csv')], 2, 'twice'],
    ['files and flags', [base, same, '--base', slower], 2, 'in --base and --head alone'],
    ['a list with spaces', ['--base', base, '--head', same, slower], 2, 'without spaces'],
    ['--base alone', ['--base', base], 2, 'files for --head, got --base alone'],
    ['--head alone', ['--head', base], 2, 'files for --base, got --head alone'],
    ['an empty name in a list', ['--base', `${base},`, '--head', same], 2, 'Remove the empty one.'],
    ['a file twice in a list', ['--base', `${base},${base}`, '--head', same], 2, 'twice'],
    ['a file on both sides', ['--base', base, '--head', join(directory.path, '.', 'base.csv')], 2, 'twice'],
    ['a missing file in a list', ['--base', base, '--head', `${same},${at('nowhere.csv')}`], 2, 'not exist'],
    ['a folder in a list', ['--base', base, '--head', at('folder.csv')], 2, 'which is not a file'],
    [
      'a damaged file in a list',
      ['--base', base, '--head', damaged('bad.csv', 'a,b\n1,2\n')],
      1,
      'unknown columns',
    ],
    ['one run in two files', ['--base', base, '--head', same], 1, 'run_id r in'],
    [
      'two runs in one file',
      ['--base', base, '--head', write('both.csv', [...rows({ run: 'x' }), ...rows({ run: 'y' })])],
      1,
      'run_id x and y',
    ],
    [
      'a report over a run',
      ['--base', base, '--head', same, '--export', `bencher=${same}`],
      2,
      'ends in .json',
    ],
    ['an unknown flag', [base, same, '--strickt'], 2, 'Did you mean --strict?'],
    ['no value of a flag', [base, same, '--markdown'], 2, 'none for --markdown'],
    ['a report over a result', [base, same, '--markdown', same], 2, 'ends in .md'],
    ['an export over a result', [base, same, '--export', `bencher=${same}`], 2, 'ends in .json'],
    ['an unknown export', [base, same, '--export', 'benchr=x.json'], 2, 'Did you mean bencher?'],
    ['an export that cannot be written', [base, same, '--export', `bencher=${at('no/x')}`], 1, '--export'],
    [
      'a report that cannot be written',
      [base, same, '--markdown', at('no/where.md')],
      1,
      'OUTPUT_UNWRITABLE',
    ],
    ['an empty file', [base, damaged('empty.csv', '')], 1, 'an empty file'],
    ['unknown columns', [base, damaged('foreign.csv', 'a,b\n1,2\n')], 1, 'unknown columns a, b'],
    ['a damaged file', [base, damaged('cut.csv', 'store,block\nredis\n')], 1, 'Invalid Record Length'],
    ['a file cut in a cell', [base, damaged('quote.csv', 'store,block\n"red')], 1, 'Quote Not Closed'],
    ['no text', [base, damaged('binary.csv', '\u0000\u0001\u0002\n')], 1, 'binary data'],
    [
      'another machine in blocks that are shared',
      [
        base,
        write(
          'elsewhere.csv',
          rows({ firstPlace: 100 }).map((row) => ({ ...row, host_id: 'h2' })),
        ),
      ],
      1,
      'host_id h1 and h2',
    ],
    ['a header alone', [base, write('header.csv', [])], 4, 'NOTHING_TO_COMPARE'],
  ])('%s', async (_, args, exitCode, words) => {
    const { code, stdout, stderr } = await compare(...args);
    expect([code, stdout]).toEqual([exitCode, '']);
    expect(stderr).toContain(words);
    expect(stderr).toMatch(/^session-bench: [^\n]+\n$/);
  });

  test('the command is suggested, and what was measured is never overwritten', async () => {
    const { code, stderr } = await bench(['compere', base, same], directory.path);
    expect(code).toBe(2);
    expect(stderr).toContain('Did you mean compare?');
    expect(existsSync(same)).toBe(true);
    expect(readFileSync(same, 'utf8')).toMatch(/^schema_version,/);
  });
});
