import { BenchError } from '../errors.ts';
import { type ColumnName, cellText, type Row } from '../results/row.ts';

/** What figures depend on beyond the configuration. */
const MACHINE_COLUMNS: readonly ColumnName[] = ['host_id', 'cpu_model', 'cpu_count', 'node_version'];

/** Names of the two files, for messages. */
export interface Names {
  base: string;
  head: string;
}

/**
 * The differences between the machines of two files, one line for each column.
 * @throws BenchError CSV_INVALID when one file contains several machines
 */
export function machineDifference(base: readonly Row[], head: readonly Row[], files: Names): string[] {
  return MACHINE_COLUMNS.flatMap((column) => {
    const before = onlyValue(base, column, files.base);
    const after = onlyValue(head, column, files.head);
    return before === after ? [] : `${column} ${before || 'empty'} and ${after || 'empty'}`;
  });
}

/** The commits of rows, short, with `+` for uncommitted changes; empty outside a checkout. */
export function commitText(rows: readonly Row[]): string {
  const commits = rows
    .filter(({ git_sha }) => git_sha !== undefined)
    .map(({ git_sha = '', git_dirty }) => `${git_sha.slice(0, 7)}${git_dirty === true ? '+' : ''}`);
  return [...new Set(commits)].join(' and ');
}

function onlyValue(rows: readonly Row[], column: ColumnName, file: string): string {
  const [first = '', second] = new Set(rows.map((row) => cellText(row[column])));
  if (second === undefined) return first;
  throw new BenchError({
    code: 'CSV_INVALID',
    expected: `rows of one machine and Node version in ${file}`,
    got: `${column} ${first || 'empty'} and ${second || 'empty'}`,
    remedy: 'Name the file of a single run.',
  });
}
