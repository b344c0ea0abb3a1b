import { type ColumnName, cellText, isUsable, type Row } from './row.ts';

/**
 * The axes held fixed while arms are compared. The offered rate is none of them: a share of the capacity may come to
 * another figure in another block, and within a block it is the same for all arms.
 */
const GROUP_COLUMNS = [
  'servers',
  'balancer',
  'affinity',
  'transport',
  'scenario',
  'payload_bytes',
  'key_distribution',
  'engine',
  'pass',
  'load_model',
  'connections',
] as const satisfies readonly ColumnName[];

/** Names the group of a row; equal for all arms and operations of it. */
export function groupKey(row: Row): string {
  return JSON.stringify(GROUP_COLUMNS.map((column) => cellText(row[column])));
}

/** Names the block of a row within its group: blocks of several groups share their ids. */
export function blockKey(row: Row): string {
  return `${row.block} ${groupKey(row)}`;
}

/** Whether arms took turns in the row's block. Those of the plain engine followed one another. */
export const isInterleaved = (row: Row): boolean => row.engine === 'slices';

/**
 * The keys of blocks in which arms took turns and one was measured wrongly: the others met the same trouble, so the
 * block is left out whole. A backend that does not support the configuration spoils nothing, nor does an arm that
 * never started: what the run makes of one that died on the way stands in the rows of the others.
 */
export function spoiltBlocks(rows: readonly Row[]): Set<string> {
  const spoilt = rows.filter((row) => isInterleaved(row) && row.status === 'ok' && row.valid !== true);
  return new Set(spoilt.map(blockKey));
}

/** The rows that may be used, of blocks that may be used. */
export function usableRows(rows: readonly Row[]): Row[] {
  const spoilt = spoiltBlocks(rows);
  return rows.filter((row) => isUsable(row) && !spoilt.has(blockKey(row)));
}
