/** The tables of docs/redis-family.md, from the rows in results/proof/failovers. */

import type { Table } from './check.ts';
import { groupBy, needed, readRows } from './rows.ts';
import { median } from './statistics.ts';

const DOCUMENT = 'docs/redis-family.md';
const ROWS = 'results/proof/failovers/redis.csv';
const TITLES: Readonly<Record<string, string>> = { cluster: 'cluster', sentinel: 'Sentinel' };

/**
 * For each kind, with and without a gap before the kill: failovers, acknowledged logins, those that were lost,
 * acknowledged logouts, those that were revived, and the median and the longest silence in seconds.
 */
function failoverLines(): Map<string, number[]> {
  const groups = groupBy(readRows(ROWS), (row) => {
    const gapMs = needed(row, 'link_lost_ms');
    const title = TITLES[row['kind'] ?? ''] ?? '';
    return gapMs === 0 ? title : `${title}, replica ${gapMs} ms behind`;
  });
  return new Map(
    [...groups].map(([label, rows]) => {
      const sum = (column: string) => rows.reduce((total, row) => total + needed(row, column), 0);
      const silences = rows.map((row) => needed(row, 'silent_ms') / 1_000);
      const counts = ['logins', 'lost_logins', 'logouts', 'revived_logouts', 'wrong_reads'].map(sum);
      return [label, [rows.length, ...counts, median(silences), Math.max(...silences)]];
    }),
  );
}

export const FAILOVER_TABLES: readonly Table[] = [
  { document: DOCUMENT, name: 'failovers', lines: failoverLines },
];
