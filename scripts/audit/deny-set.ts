/** The table of the sets of ended logins, from the rows in results/proof/costs. */

import type { Table } from './check.ts';
import { groupBy, needed, readRows } from './rows.ts';

const BLOOM = 'bloom-filter';

/** By the number of entries: bytes an entry in each structure, and the share of false positives of the filter, in %. */
function denySetLines(): Map<string, number[]> {
  const sizes = groupBy(readRows('results/proof/costs/deny-set.csv'), (row) => row['entries'] ?? '');
  return new Map(
    [...sizes].map(([entries, rows]) => {
      const bytes = rows.map((row) => needed(row, 'bytes_per_entry'));
      const wrong = rows.filter((row) => row['structure'] === BLOOM);
      return [
        Number(entries).toLocaleString('en-US'),
        [...bytes, ...wrong.map((row) => needed(row, 'false_positives_pct'))],
      ];
    }),
  );
}

export const DENY_SET_TABLES: readonly Table[] = [
  { document: 'docs/decisions/backends-and-tokens.md', name: 'deny-set', lines: denySetLines },
];
