/** The table of costs in docs/comparators.md, from the rows in results/reference. */

import type { Table } from './check.ts';
import { cpuOf, usable } from './reference.ts';
import { groupBy, needed, type Row } from './rows.ts';
import { centre, positiveCentre } from './statistics.ts';

const ROWS = 'results/reference/comparators.csv';
const CONTROL = 'none';
/** Options that need not be named, for they are the defaults of their library; those of our own backends are not shown. */
const DEFAULTS = ['store=redis', 'touch=on', 'rolling=on', 'cookie-cache=off'];

/** As `--store` takes it. */
function nameOf(row: Row): string {
  const options = (row['variant'] ?? '')
    .split(';')
    .filter((option) => !option.startsWith('durability=') && !DEFAULTS.includes(option));
  const isLibrary = (row['library_versions'] ?? '') !== '';
  return isLibrary && options.length > 0 ? `${row['store']}:${options.join('+')}` : (row['store'] ?? '');
}

/** CPU of servers and store for a read with its interval, what exceeds the control with its interval, and reads/s. */
function costLines(): Map<string, number[]> {
  const rows = usable(ROWS);
  const control = new Map(
    rows.filter((row) => row['store'] === CONTROL).map((row) => [row['block'], cpuOf(row)]),
  );
  return new Map(
    [...groupBy(rows, nameOf)].map(([name, own]) => {
      const over = own.map((row) => cpuOf(row) - (control.get(row['block']) ?? Number.NaN));
      const [rate] = positiveCentre(own.map((row) => needed(row, 'rps_ok')));
      return [name, [...positiveCentre(own.map(cpuOf)), ...(name === CONTROL ? [] : centre(over)), rate]];
    }),
  );
}

export const COMPARATOR_TABLES: readonly Table[] = [
  { document: 'docs/comparators.md', name: 'comparators', lines: costLines },
];
