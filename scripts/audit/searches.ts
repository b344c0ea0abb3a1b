/** How far searches for a rate differ between environments, from the rows in results/proof/costs. */

import type { Table } from './check.ts';
import { groupBy, needed, numberIn, readRows } from './rows.ts';
import { deviation, median, positiveCentre } from './statistics.ts';

/**
 * By backend: environments; the rate that holds, by Hodges and Lehmann with its interval; scatter, in %; of how many
 * searches the interval of their own holds the median of all.
 */
function searchLines(): Map<string, number[]> {
  const stores = groupBy(readRows('results/proof/costs/find-max.csv'), (row) => row['store'] ?? '');
  return new Map(
    [...stores].map(([store, rows]) => {
      const rates = rows.map((row) => needed(row, 'rate_per_s'));
      const typical = median(rates);
      const holding = rows.filter(
        (row) =>
          needed(row, 'lower_per_s') <= typical &&
          (numberIn(row, 'upper_per_s') ?? Number.POSITIVE_INFINITY) >= typical,
      );
      const scatter = 100 * deviation(rates.map(Math.log));
      return [store, [rates.length, ...positiveCentre(rates), scatter, holding.length]];
    }),
  );
}

export const SEARCH_TABLES: readonly Table[] = [
  { document: 'docs/commands.md', name: 'find-max', lines: searchLines },
];
