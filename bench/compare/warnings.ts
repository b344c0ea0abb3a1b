import { type ColumnName, cellText } from '../results/row.ts';
import type { Cell } from './cells.ts';
import type { Names } from './machine.ts';

/** The same configuration in both files. */
export interface Pair {
  base: Cell;
  head: Cell;
}

/** What a reader must know before trusting a figure, one line each. */
export function warningsOf(
  pairs: readonly Pair[],
  difference: readonly string[],
  paired: boolean,
  names: Names,
): string[] {
  const machines = `the files are of two machines (${difference.join('; ')})`;
  return [
    ...(difference.length === 0 ? [] : [machines]),
    ...versionWarnings(pairs),
    ...excluded(pairs, paired, 'base', names.base),
    ...excluded(pairs, paired, 'head', names.head),
  ];
}

function versionWarnings(pairs: readonly Pair[]): string[] {
  const columns = [
    'store_version',
    'balancer_version',
    'library_versions',
  ] as const satisfies readonly ColumnName[];
  const lines = pairs.flatMap(({ base, head }) =>
    columns.flatMap((column) => {
      const [before, after] = [base, head].map((cell) =>
        [...new Set([...cell.blocks.values()].map((row) => cellText(row[column]) || 'none'))]
          .sort()
          .join(' + '),
      );
      const { store, balancer } = base.configuration;
      const service = column === 'balancer_version' ? balancer : store;
      return before === after ? [] : [`${service}: ${column} ${before} in base, ${after} in head`];
    }),
  );
  return [...new Set(lines)];
}

function excluded(pairs: readonly Pair[], paired: boolean, side: keyof Pair, file: string): string[] {
  const sumOf = (count: (pair: Pair) => number) => pairs.reduce((sum, pair) => sum + count(pair), 0);
  const alone = sumOf((pair) => {
    const other = side === 'base' ? pair.head : pair.base;
    return [...pair[side].blocks.keys()].filter((block) => !other.blocks.has(block)).length;
  });
  const counts: [number, string][] = [
    [sumOf((pair) => pair[side].invalid), 'because they must not be used'],
    [sumOf((pair) => pair[side].dropped), 'with their block, of which another row must not be used'],
    [paired ? alone : 0, 'because the other file lacks their block'],
  ];
  return counts.flatMap(([count, why]) => (count > 0 ? `${file}: rows left out ${why}: ${count}` : []));
}
