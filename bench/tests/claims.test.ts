import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_ROOT } from '../environment/programs.ts';

/** docs/claims.md cites checks and figures: they are those of the matrix, and of the first table of docs/results.md. */

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

test('nothing else is cited', () => {
  const others = evidence.filter(({ one }) => !/^(check \w+: |over control: |\[|$)/.test(one));
  expect(others).toEqual([]);
});
