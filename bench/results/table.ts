import { isComparator } from '../../stores/comparators/definition.ts';
import { CONTROL, findStore } from '../../stores/registry.ts';
import { DURABILITIES } from '../../stores/service.ts';
import type { BackendDefinition, StoreOptions } from '../../stores/store.ts';
import { type Traits, traitsOf } from '../../stores/traits.ts';
import { parseVariant } from '../../stores/variant.ts';
import { armText, byArmAndOperation } from './groups.ts';
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
  const lines: string[] = [];
  const measured = rows.filter((row) => row.status === 'ok');
  for (const [row] of byArmAndOperation(measured, true) as [Row][]) {
    const definition = findStore(row.store ?? '');
    if (definition === undefined || definition === CONTROL) continue;
    const options = parseVariant(row.store, row.variant);
    const durability = DURABILITIES.find((level) => level === options['durability']) ?? 'second';
    const traits = traitsOf(definition, options, durability);
    const limits = [...limitsOf(traits), ...storeLimits(definition, options)];
    const line = wrap(`  ${armText(row)}: ${limits.join('; ')}`, '    ');
    if (!lines.includes(line)) lines.push(line);
  }
  return lines.length === 0 ? '' : `What they cannot do:\n${lines.join('\n')}`;
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

/** Limits of any store. */
function storeLimits(definition: BackendDefinition, options: StoreOptions): string[] {
  if (definition.service(options) === undefined) return [];
  if (isComparator(definition)) return ['requests fail or wait while the store is down'];
  return [
    options['on-outage'] === 'open'
      ? 'nobody can log in or out while the store is down, and no logout is seen'
      : 'everyone is refused while the store is down',
    ...(options['durability'] === 'second' ? ['a power loss may take the last second'] : []),
  ];
}

function limitsOf(traits: Traits): string[] {
  const limits: string[] = [];
  if (traits.revocation === 'at-expiry') limits.push('a logged-out token works until it expires');
  if (traits.revocationBoundMs !== undefined)
    limits.push(`other servers may take a logged-out token for up to ${traits.revocationBoundMs / 1000} s`);
  if (traits.revocation === 'at-refresh')
    limits.push('a logged-out token works until its access token is over');
  if (traits.endsAllLogins === true) limits.push('a logout ends all logins of its user');
  if (!traits.shared) limits.push('sessions are not shared between servers');
  if (!traits.survivesServerRestart) limits.push('sessions end with their server');
  if (traits.survivesStoreCrash === false) limits.push('nothing survives a crash of the store');
  if (!traits.userIndex) limits.push('no list, limit or end of a user’s logins');
  if (!traits.compareAndSwap) limits.push('parallel updates overwrite each other');
  if (traits.clientReadable) limits.push('the client reads the data');
  if (traits.dataInToken) limits.push('data must fit a cookie of 4,096 bytes');
  return limits;
}
