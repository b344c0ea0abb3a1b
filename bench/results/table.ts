import { behavioursOf } from './behaviour.ts';
import { armText } from './groups.ts';
import { type GroupLayout, layOutRun } from './layout.ts';
import type { Row } from './row.ts';
import { drawTable, wrap } from './text.ts';

/** The tables of a run for a terminal, group by group, with footnotes. @param wide with the parts of the costs. */
export function renderTables(rows: readonly Row[], color: boolean, wide = false): string {
  return layOutRun(rows, wide)
    .map((group) => renderGroup(group, color))
    .join('\n\n');
}

function renderGroup({ title, tables, notes }: GroupLayout, color: boolean): string {
  return [
    wrap(title),
    ...tables.flatMap((one) => [
      ...(one.title === undefined ? [] : ['', one.title]),
      drawTable(one.table, color).replace(/ +$/gm, ''),
    ]),
    ...notes.map((note, index) => wrap(`[${index + 1}] ${note}`, '    ')),
  ].join('\n');
}

/** What each backend of these rows cannot do, and the cost of its store, one line each: speed alone is misleading. */
export function renderLimits(rows: readonly Row[]): string {
  const lines = behavioursOf(rows).map(({ name, limits }) => wrap(`  ${name}: ${limits.join('; ')}`, '    '));
  const different = [...new Set(lines)];
  return different.length === 0 ? '' : `What they cannot do:\n${different.join('\n')}`;
}

/** Which arms are libraries, and of which versions: empty without any. */
export function renderLibraries(rows: readonly Row[]): string {
  const versions = new Map<string, string>();
  for (const row of rows)
    if (row.library_versions !== undefined) versions.set(armText(row), row.library_versions);
  if (versions.size === 0) return '';
  const lines = [...versions].map(([name, text]) => wrap(`  ${name}: ${text}`, '    '));
  return `Libraries, each on a server of its own (docs/comparators.md):\n${lines.join('\n')}`;
}
