import { CONTROL } from '../../stores/registry.ts';
import { CONFIDENCE, MIN_BLOCKS } from '../stats/levels.ts';
import { complete, completeMedian } from '../stats/median.ts';
import { signedRankEstimate } from '../stats/signed-rank.ts';
import { differencesWithinBlocks, isInterleaved } from './blocks.ts';
import { centreOf, cpuUs, type Figure } from './figures.ts';
import type { Row } from './row.ts';

/** The figures that a reader sees, as numbers: what tables print and pages draw. Pure. */

export type Format = (value: number) => string;

/** Microseconds as milliseconds. */
export const milliseconds: Format = (us) => (us / 1000).toFixed(us < 10_000 ? 2 : 1);

/** With this many decimals, and without the sign of a negative zero. */
export const fixed =
  (digits: number): Format =>
  (value) =>
    value.toFixed(digits).replace(/^-(?=0\.?0*$)/, '');

/** A figure of an arm over its blocks. */
export interface Shown {
  /** In the unit of the figure. */
  value: number;
  /** 95 % interval; absent below 12 blocks, and where arms did not take turns. */
  interval?: readonly [lower: number, upper: number];
}

/** The text of a value; empty when it is not known. */
export const shown = (value: number | undefined, format: Format) =>
  value === undefined ? '' : format(value);

/** The text of an interval, as `[13.6, 14.0]`; empty without one. */
export function intervalText(known: Shown | undefined, format: Format): string {
  if (known?.interval === undefined) return '';
  return `[${known.interval.map(format).join(', ')}]`;
}

/** An arm's usable rows, or all of them when none is usable: its table says so. */
export function shownRows(rows: readonly Row[], usable: readonly Row[]): readonly Row[] {
  const own = rows.filter((row) => usable.includes(row));
  return own.length === 0 ? rows : own;
}

/** A figure that ranks arms: the estimate that the ranking uses. `undefined` when a block lacks it. */
export function shownCentre(rows: readonly Row[], of: Figure['of']): Shown | undefined {
  const centre = centreOf(complete(rows.map(of)));
  // A figure of 0 is valid, but has no logarithm.
  const value = centre?.estimate ?? completeMedian(rows.map(of));
  if (value === undefined) return undefined;
  if (centre === undefined || centre.blocks < MIN_BLOCKS || !rows.every(isInterleaved)) return { value };
  return { value, interval: [centre.lower, centre.upper] };
}

/**
 * The CPU per request of an arm over the control's, microseconds: Hodges–Lehmann over the differences within blocks.
 * `undefined` for the control itself, without one, and where arms did not take turns.
 * @param group all rows of the group.
 */
export function overControl(rows: readonly Row[], group: readonly Row[]): Shown | undefined {
  const isWhole = (row: Row) => row.operation === 'all' && isInterleaved(row);
  const isControl = (row: Row) => row.store === CONTROL.name;
  const own = rows.filter((row) => !isControl(row) && isWhole(row));
  const controls = group.filter((row) => isControl(row) && isWhole(row));
  const differences = differencesWithinBlocks(own, controls, cpuUs);
  const { estimate, lower, upper } = signedRankEstimate(differences, CONFIDENCE);
  if (estimate === undefined) return undefined;
  return differences.length < MIN_BLOCKS
    ? { value: estimate }
    : { value: estimate, interval: [lower, upper] };
}
