import { type ColumnName, cellText } from '../results/row.ts';
import type { Cell } from './cells.ts';
import type { Names } from './machine.ts';

/** The same configuration in both files. */
interface Pair {
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
  return [
    ...machineWarning(difference),
    ...versionWarnings(pairs),
    ...excluded(pairs, paired, 'base', names.base),
    ...excluded(pairs, paired, 'head', names.head),
  ];
}

function machineWarning(difference: readonly string[]): string[] {
  return difference.length === 0 ? [] : [`the files are of two machines (${difference.join('; ')})`];
}

function versionWarnings(pairs: readonly Pair[]): string[] {
  const columns = ['store_version', 'balancer_version'] as const satisfies readonly ColumnName[];
  const lines = pairs.flatMap(({ base, head }) =>
    columns.flatMap((column) => {
      const [before, after] = [base, head].map((cell) =>
        [...new Set([...cell.blocks.values()].map((row) => cellText(row[column]) || 'none'))]
          .sort()
          .join(' + '),
      );
      const { store, balancer } = base.configuration;
      const service = column === 'store_version' ? store : balancer;
      return before === after ? [] : [`${service}: ${column} ${before} in base, ${after} in head`];
    }),
  );
  return [...new Set(lines)];
}

function excluded(pairs: readonly Pair[], paired: boolean, side: keyof Pair, file: string): string[] {
  const invalid = pairs.reduce((sum, pair) => sum + pair[side].invalid, 0);
  const dropped = pairs.reduce((sum, pair) => sum + pair[side].dropped, 0);
  const alone = pairs.flatMap((pair) => {
    const other = side === 'base' ? pair.head : pair.base;
    return [...pair[side].blocks.keys()].filter((block) => !other.blocks.has(block));
  }).length;
  return [
    ...(invalid > 0 ? [`${file}: rows left out because they must not be used: ${invalid}`] : []),
    ...(dropped > 0
      ? [`${file}: rows left out with their block, of which another row must not be used: ${dropped}`]
      : []),
    ...(paired && alone > 0
      ? [`${file}: rows left out because the other file lacks their block: ${alone}`]
      : []),
  ];
}
