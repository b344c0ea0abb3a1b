import { expect, test } from 'vitest';
import { interleavedRows } from '../ranking/rows-fixture.ts';
import { seededRandom } from '../stats/random.ts';
import { layOutRun } from './layout.ts';
import { renderMarkdownRun } from './markdown.ts';
import type { Row } from './row.ts';
import { renderLibraries, renderTables } from './table.ts';

const VERSIONS = 'express@5.3.0 express-session@1.19.0';

/** Rows of the control, a backend and two libraries, of which one has a name that sorts before the backend's. */
function rowsOf(cells: Row = {}): Row[] {
  const arms = { none: 0.5, 'express-session': 3, redis: 1, 'better-auth': 9 };
  const rows = interleavedRows({ arms, blocks: 1, scatter: 0.02, drift: 0, cells, random: seededRandom(3) });
  return rows.map((row) =>
    ['none', 'redis'].includes(row.store ?? '') ? row : { ...row, library_versions: VERSIONS },
  );
}

test('libraries stand in a section of their own, below our backends, with their cost over the same control', () => {
  const [group] = layOutRun(rowsOf());
  const tables = group?.tables ?? [];
  expect(tables.map(({ title }) => title)).toEqual([
    undefined,
    expect.stringContaining('in flight'),
    'what people run: libraries at their defaults',
    expect.stringContaining('in flight'),
  ]);
  const names = tables.map(({ table }) => table.lines.map(([name = '']) => name.replace(/:.*/, '')));
  expect(names).toEqual([
    ['none', 'redis'],
    ['none', 'redis'],
    ['express-session', 'better-auth'],
    ['express-session', 'better-auth'],
  ]);
  const libraries = tables[2]?.table;
  const over = libraries?.headings.indexOf('over\ncontrol') ?? -1;
  expect(over).toBeGreaterThan(0);
  for (const line of libraries?.lines ?? []) expect(Number(line[over])).toBeGreaterThan(0);
});

test('without libraries there is no such section, and with them alone no other', () => {
  const ours = rowsOf().filter((row) => row.library_versions === undefined);
  expect(renderTables(ours, false)).not.toContain('libraries');
  expect(renderLibraries(ours)).toBe('');
  const theirs = rowsOf().filter((row) => row.library_versions !== undefined);
  expect(layOutRun(theirs)[0]?.tables.map(({ title }) => title)[0]).toBe(
    'what people run: libraries at their defaults',
  );
});

test('their versions are named below the tables, and in Markdown as well', () => {
  const text = renderLibraries(rowsOf());
  expect(text).toMatch(/^Libraries, each on a server of its own \(docs\/comparators\.md\):\n/);
  expect(text.split('\n').filter((line) => line.includes(VERSIONS))).toHaveLength(2);
  expect(renderMarkdownRun(rowsOf(), [text])).toContain('what people run: libraries at their defaults');
});

test('the section is the same in the scenario revocation and at a rate', () => {
  for (const cells of [{ scenario: 'revocation' }, { load_model: 'open-poisson', target_rps: 100 }] as Row[])
    expect(layOutRun(rowsOf(cells))[0]?.tables.map(({ title }) => title)).toContain(
      'what people run: libraries at their defaults',
    );
});
