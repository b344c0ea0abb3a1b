import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { readResultFile } from '../results/csv.ts';

/** The first screen: short, and every figure and mark on it held by rows (also scripts/audit) and by the matrix. */

const read = (path: string) => readFileSync(join(PROJECT_ROOT, path), 'utf8');
const readme = read('README.md');
const MAX_WORDS = 900;

const cellsOf = (line: string) =>
  line
    .slice(1, -1)
    .split(' | ')
    .map((cell) => cell.trim());
const tableAfter = (mark: string) => {
  const lines = readme.slice(readme.indexOf(mark)).split('\n');
  const start = lines.findIndex((line) => line.startsWith('|'));
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start, end).map(cellsOf);
};
const [matrixHeading, ...matrix] = read('docs/generated/conformance-matrix.md')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map(cellsOf);
const markOf = (check: string, column: string) =>
  matrix.find(([id]) => id === check)?.[matrixHeading?.indexOf(column) ?? -1]?.slice(0, 1);

const [, , ...found] = tableAfter('## What it found');

test(`has at most ${MAX_WORDS} words`, () => {
  expect(readme.split(/\s+/).filter(Boolean).length).toBeLessThanOrEqual(MAX_WORDS);
});

test('the marks beside the figures are those of the matrix', () => {
  for (const [arm = '', , , , ...marks] of found.filter(([arm]) => arm !== 'none')) {
    const store = arm.split(':')[0] ?? '';
    const column = store === 'memory' ? 'memory, sticky' : store;
    // Where there is no store, nothing can be down.
    const expected = ['14', '49a', '55'].map((check) => markOf(check, column));
    expect([arm, marks.map((mark) => (mark === 'no store' ? '✓' : mark))]).toEqual([arm, expected]);
  }
  expect(found).toHaveLength(7);
});

test('the marks of what each cannot do are those of the matrix', () => {
  const [heading = [], , ...rows] = tableAfter('## What each cannot do');
  expect(rows).toHaveLength(Object.keys(CHECKS).length);
  for (const [property = '', ...marks] of rows)
    for (const [index, mark] of marks.entries())
      for (const column of heading[index + 1]?.startsWith('memory')
        ? [heading[index + 1]]
        : (heading[index + 1]?.split(', ') ?? [])) {
        const known = markOf(CHECKS[property] ?? '', column ?? '');
        if (known !== undefined) expect([property, column, mark]).toEqual([property, column, known]);
      }
});

const CHECKS: Readonly<Record<string, string>> = {
  "an administrator ends all of a user's logins": '21',
  'a limit on logins holds under parallel logins': '25',
  'the client cannot read the session': '42',
  'of two updates at once, none is lost': '41',
  'another service accepts a login without asking': '56',
};

test('the figures of the six lines are those of the table', () => {
  const lines = readme.slice(readme.indexOf('## Which to choose'), readme.indexOf('`pnpm bench report`'));
  const known = new Set(found.map(([, over]) => over));
  const cited = [...lines.matchAll(/(\d+\.\d) (?:to (\d+\.\d) )?µs/g)].flatMap(([, first, last]) => [
    first,
    last ?? first,
  ]);
  expect(cited.length).toBeGreaterThan(5);
  expect(cited.filter((figure) => !known.has(figure))).toEqual([]);
});

test('what 100 reads per second cost Postgres over a token is that of the rows at equal load', () => {
  const rows = readResultFile(join(PROJECT_ROOT, 'results/reference/read-1-server-equal-load.csv'));
  const meanOf = (store: string, option = '') => {
    const costs = rows
      .filter((row) => row.store === store && row.variant?.includes(option) && row.valid === true)
      .map((row) => (row.cpu_us_per_req_server ?? 0) + (row.cpu_us_per_req_store ?? 0));
    return costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
  };
  const cores = (100 * (meanOf('postgres') - meanOf('jwt', 'lib=fast-jwt'))) / 1e6;
  expect(readme.replace(/\s+/g, ' ')).toContain(`takes ${cores.toFixed(3)} of a core more than a token`);
});
