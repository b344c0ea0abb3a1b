/** The table of revocations under load, from the rows in results/proof/costs. */

import type { Table } from './check.ts';
import { groupBy, needed, type Row, readRows } from './rows.ts';

/** By run: how many were measured, p50, p99 and maximum of the last server's refusal, and p99 of those before, ms. */
function revocationLines(): Map<string, number[]> {
  const runs = groupBy(readRows('results/proof/costs/revocation-under-load.csv'), (row) => row['run'] ?? '');
  return new Map(
    [...runs].map(([run, rows]) => {
      const of = (measured: string) =>
        rows
          .filter((row) => row['measured'] === measured)
          .map(slowest)
          .sort((a, b) => a - b);
      const [warm, cold] = [of('1'), of('0')];
      return [run, [warm.length, at(warm, 0.5), at(warm, 0.99), at(warm, 1), at(cold, 0.99)]];
    }),
  );
}

const slowest = (row: Row) => Math.max(...['s1_ms', 's2_ms', 's3_ms'].map((name) => needed(row, name)));
const at = (sorted: readonly number[], share: number) =>
  sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;

export const REVOCATION_TABLES: readonly Table[] = [
  {
    document: 'docs/decisions/backends-and-tokens.md',
    name: 'revocation-under-load',
    lines: revocationLines,
  },
];
