/** Charts as data: what is drawn, not how. */

/** One row of a chart of arms. */
export interface ArmRow {
  name: string;
  /** The figure as text, beside its mark. */
  text: string;
}

/** A mark for each arm, with its interval if that is known. */
export interface IntervalChart {
  kind: 'intervals';
  /** Of the axis, with its unit. */
  label: string;
  /** A bar begins at 0. */
  mark: 'dot' | 'bar';
  /** `log`, of positive values and dots alone, where they lie powers of ten apart. Default: linear, from 0. */
  scale?: Axis['scale'];
  rows: readonly (ArmRow & { value: number; interval?: readonly [number, number] })[];
}

/** A bar of parts for each arm. */
export interface StackChart {
  kind: 'stack';
  label: string;
  /** `undefined` for one that no arm has. */
  parts: readonly (string | undefined)[];
  /** `values`: one for each part. */
  rows: readonly (ArmRow & { values: readonly number[] })[];
}

export interface Axis {
  label: string;
  scale: 'linear' | 'log';
  /** Default: what the points take; on a linear y axis from 0. */
  domain?: readonly [number, number];
}

/** A line for each series, in the order of a legend. */
export interface LineChart {
  kind: 'lines';
  x: Axis;
  y: Axis;
  series: readonly Series[];
  /** Whether each point has a mark. */
  hasMarks: boolean;
  /** Points outside every line, drawn as crosses. */
  crosses?: readonly { x: number; y: number }[];
}

export interface Series {
  name: string;
  /** Place in the palette; 0 is the control's. */
  color: number;
  points: readonly { x: number; y: number }[];
}

export type Chart = IntervalChart | StackChart | LineChart;

/** Draws a chart as an SVG element: markup without identifiers, styles or roles, whose colours are variables of the page. */
export type Draw = (chart: Chart) => string;

/** Colours of the palette: `--series-0` is the control's. */
export const COLORS = 8;
/** Dashes of a line, by how often the palette was used up. */
export const DASHES = ['none', '7 3', '2 3'] as const;

/** Colour and dash of a series, which differ even where colours cannot be told apart. */
export function strokeOf(color: number): { stroke: string; dash: string } {
  if (color === 0) return { stroke: 'var(--series-0)', dash: '1 3' };
  const place = color - 1;
  const dash = DASHES[Math.floor(place / COLORS) % DASHES.length] as string;
  return { stroke: `var(--series-${(place % COLORS) + 1})`, dash };
}
