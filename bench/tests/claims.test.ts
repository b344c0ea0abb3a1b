import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_ROOT } from '../environment/programs.ts';

/** docs/claims.md cites checks and figures: they are those of the matrix, of the first table of docs/results.md, and of docs/findings.md. */

const read = (path: string) => readFileSync(join(PROJECT_ROOT, path), 'utf8');
const cellsOf = (line: string) =>
  line
    .slice(1, -1)
    .split(' | ')
    .map((cell) => cell.trim());
const tableLines = (text: string) => text.split('\n').filter((line) => line.startsWith('| '));

const rows = tableLines(read('docs/claims.md'))
  .map(cellsOf)
  .filter(([first]) => first !== 'claim' && !first?.startsWith('---'));
const [heading, ...matrix] = tableLines(read('docs/generated/conformance-matrix.md')).map(cellsOf);
const columns = heading?.slice(3) ?? [];
const symbols = new Map(matrix.map(([id, , , ...cells]) => [id, cells.map((cell) => cell.slice(0, 1))]));
const overControl = new Map(
  (/audit: closed-loop -->(.*?)at 64 in flight/s.exec(read('docs/results.md'))?.[1] ?? '')
    .split('\n')
    .map((line) => /^ {4}(\S+) +[\d.]+ +\[[^\]]+\] +([\d.]+) /.exec(line))
    .flatMap((match) => (match === null ? [] : [[match[1], Number(match[2])]])) as [string, number][],
);
/** The lines of a table of docs/findings.md, by the name of the arm. */
const findings = (mark: string) =>
  new Map(
    tableLines(new RegExp(`audit: ${mark} -->(.*?)\\n- `, 's').exec(read('docs/findings.md'))?.[1] ?? '')
      .map(cellsOf)
      .map(([arm = '', ...cells]) => [arm, cells]),
  );
const evidence = rows.flatMap(([claim, , cited = '']) => cited.split('; ').map((one) => ({ claim, one })));

test('every claim has a verdict', () => {
  expect(rows.length).toBeGreaterThan(25);
  for (const [claim, verdict] of rows)
    expect(verdict, claim).toMatch(/^\*\*(confirmed|refuted|depends|not settled here)\*\*/);
});

test('the checks that are cited are as the matrix says', () => {
  const cited = evidence.flatMap(({ claim, one }) => {
    const [, id, list = ''] = /^check (\w+): (.*)$/.exec(one) ?? [];
    return [...list.matchAll(/(memory, [a-z-]+|[a-z-]+) ([✓✗–])/g)].map(([, column = '', symbol]) => ({
      ...{ claim, id, column, symbol },
    }));
  });
  expect(cited.length).toBeGreaterThan(60);
  const wrong = cited.filter(
    ({ id, column, symbol }) => symbols.get(id ?? '')?.[columns.indexOf(column)] !== symbol,
  );
  expect(wrong).toEqual([]);
});

test('the figures that are cited are those of docs/results.md', () => {
  const cited = evidence.flatMap(({ claim, one }) =>
    (one.startsWith('over control: ') ? one.slice('over control: '.length).split(', ') : []).map((text) => {
      const [arm = '', figure] = text.split(' ');
      return { claim, arm, figure: Number(figure) };
    }),
  );
  expect(cited.length).toBeGreaterThan(8);
  expect(cited.filter(({ arm, figure }) => overControl.get(arm) !== figure)).toEqual([]);
});

/** What is cited of docs/findings.md: how it begins, the table, the form of a figure, its cells, and how many at least. */
const FINDINGS = [
  ['times a plain JWT: ', 'revocation-price', /(\S+) ([\d.]+ \[[\d.]+, [\d.]+\])/g, [2, 3], 3],
  ['times a visit without: ', 'visits', /(\S+) ([\d.]+ \[[\d.]+, [\d.]+\])/g, [2, 3], 6],
  ['refused after at most, ms: ', 'refusal', /(\S+) ([\d.]+)/g, [2], 6],
] as const;

test.each(FINDINGS)('what is cited as "%s" is in docs/findings.md', (start, mark, form, cells, count) => {
  const cited = evidence.flatMap(({ one }) => (one.startsWith(start) ? [...one.matchAll(form)] : []));
  const lines = findings(mark);
  expect(cited.length).toBeGreaterThanOrEqual(count);
  for (const [, arm = '', figure] of cited)
    expect(cells.map((cell) => lines.get(arm)?.[cell]).join(' '), arm).toBe(figure);
});

test('nothing else is cited', () => {
  const isFinding = (one: string) => FINDINGS.some(([start]) => one.startsWith(start));
  const others = evidence.filter(
    ({ one }) => !/^(check \w+: |over control: |\[|$)/.test(one) && !isFinding(one),
  );
  expect(others).toEqual([]);
});
