import { MIN_BLOCKS } from '../stats/levels.ts';
import { type ColumnName, cellText, isSpoilt, isUsable, type Row } from './row.ts';

/**
 * The axes held fixed while arms are compared. Without the offered rate: a share of the capacity may be another figure
 * in another block, and within a block it is the same for all arms.
 */
const GROUP_COLUMNS = [
  'servers',
  'balancer',
  'affinity',
  'transport',
  'scenario',
  'fault',
  'payload_bytes',
  'key_distribution',
  'engine',
  'pass',
  'load_model',
  'connections',
  'generator_mode',
  'edge_tls',
  'store_distance_ms',
  'inner_servers',
  'touch_s',
  'expiring_sessions',
  'churned_sessions',
] as const satisfies readonly ColumnName[];

/** Items with an equal key together, in the order of the first of each. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return [...groups.values()];
}

/** Prefix of the reason of a row that was dropped because of another arm. */
export const WITH_ANOTHER_ARM = 'block dropped';

/** Identifies the group of a row; equal for all arms and operations in it. */
export function groupKey(row: Row): string {
  return JSON.stringify(GROUP_COLUMNS.map((column) => cellText(row[column])));
}

/** Identifies the block of a row within its group: blocks of several groups share their ids. */
export function blockKey(row: Row): string {
  return `${row.block} ${groupKey(row)}`;
}

/**
 * Whether arms took turns in the row's block. Those of the plain engine ran one after the other, and so did those whose
 * sessions expired.
 */
export const isInterleaved = (row: Row): boolean =>
  row.engine === 'slices' && row.expiring_sessions === undefined;

/**
 * The keys of blocks in which arms took turns and one was measured wrongly: the others had the same conditions, so the
 * block is omitted as a whole. A backend that does not support the configuration spoils nothing, nor does an arm that
 * never started. When one died during the run, the rows of the others say so.
 */
export function spoiltBlocks(rows: readonly Row[]): Set<string> {
  const spoilt = rows.filter((row) => isInterleaved(row) && isSpoilt(row));
  return new Set(spoilt.map(blockKey));
}

/** The differences of a figure from the same in other rows, one for each block in which both are known. */
export function differencesWithinBlocks(
  rows: readonly Row[],
  others: readonly Row[],
  figure: (row: Row) => number | undefined,
): number[] {
  const byBlock = new Map(others.map((row) => [blockKey(row), figure(row)]));
  return rows.flatMap((row) => {
    const [own, other] = [figure(row), byBlock.get(blockKey(row))];
    return own === undefined || other === undefined ? [] : [own - other];
  });
}

/** The usable rows of usable blocks. */
export function usableRows(rows: readonly Row[]): Row[] {
  const spoilt = spoiltBlocks(rows);
  return rows.filter((row) => isUsable(row) && !spoilt.has(blockKey(row)));
}

/** Whether a group has too few valid blocks, because some were dropped. With a time limit, enough for a verdict will do. */
export function lacksBlocks(
  { valid, dropped }: { valid: number; dropped: number },
  repeat: number,
  hasTimeLimit: boolean,
): boolean {
  return dropped > 0 && valid < (hasTimeLimit ? Math.min(repeat, MIN_BLOCKS) : repeat);
}

/** How many valid blocks a group has, in the words of a run's end. */
export const tooFewText = (group: string, valid: number, repeat: number) =>
  `${group}: ${valid} valid blocks of ${repeat}`;
