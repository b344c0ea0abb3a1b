import Table from 'cli-table3';
import { findStore } from '../../stores/registry.ts';
import type { Traits } from '../../stores/store.ts';
import { armText, byArmAndOperation } from './groups.ts';
import { type GroupLayout, type Layout, layOutRun } from './layout.ts';
import type { Row } from './row.ts';
import { BORDERLESS, wrap } from './text.ts';

/** The tables of a run for a terminal, one for each group, with footnotes and intervals. */
export function renderTables(rows: readonly Row[], color: boolean): string {
  return layOutRun(rows)
    .map((group) => renderGroup(group, color))
    .join('\n\n');
}

function renderGroup({ title, table, notes, intervals }: GroupLayout, color: boolean): string {
  return [
    title,
    renderTable(table, color),
    ...notes.map((note, index) => wrap(`[${index + 1}] ${note}`, '    ')),
    ...(intervals === undefined ? [] : [wrap(intervals.title), renderTable(intervals.table, color)]),
  ].join('\n');
}

function renderTable({ headings, alignments, lines }: Layout, color: boolean): string {
  const table = new Table({
    head: [...headings],
    colAligns: [...alignments],
    style: {
      head: color ? ['bold'] : [],
      border: color ? ['grey'] : [],
      compact: true,
      'padding-left': 0,
      'padding-right': 1,
    },
    chars: BORDERLESS,
  });
  for (const line of lines) table.push(line);
  return table.toString();
}

/** What each backend of these rows cannot do, one line each: speed without it misleads. */
export function renderLimits(rows: readonly Row[]): string {
  const lines: string[] = [];
  const measured = rows.filter((row) => row.status === 'ok');
  for (const [row] of byArmAndOperation(measured, true) as [Row][]) {
    const definition = findStore(row.store ?? '');
    if (definition === undefined || definition.name === 'none') continue;
    const pairs = (row.variant ?? '').split(';').map((pair) => pair.split('=') as [string, string]);
    const options = Object.fromEntries(pairs);
    const durability = options['durability'];
    const traits = definition.traits(
      options,
      durability === 'none' || durability === 'commit' ? durability : 'second',
    );
    const limits = limitsOf(traits);
    const line = wrap(
      `  ${armText(row)}: ${limits.length === 0 ? 'none of the limits that others have' : limits.join('; ')}`,
      '    ',
    );
    if (!lines.includes(line)) lines.push(line);
  }
  return lines.length === 0 ? '' : `What they cannot do:\n${lines.join('\n')}`;
}

function limitsOf(traits: Traits): string[] {
  const limits: string[] = [];
  if (traits.revocation === 'at-expiry') limits.push('a logged-out token works until it expires');
  if (!traits.shared) limits.push('sessions are not shared between servers');
  if (!traits.survivesServerRestart) limits.push('sessions end with their server');
  if (traits.survivesStoreCrash === false) limits.push('nothing survives a crash of the store');
  if (!traits.userIndex) limits.push('no list, limit or end of a user’s logins');
  if (!traits.compareAndSwap) limits.push('parallel updates overwrite each other');
  if (traits.clientReadable) limits.push('the client reads the data');
  if (traits.dataInToken) limits.push('data must fit a cookie of 4,096 bytes');
  return limits;
}
