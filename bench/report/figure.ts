import type { Layout } from '../results/text.ts';
import type { Chart } from './chart.ts';

/** A chart with the table of what it shows. */
export interface Figure {
  title: string;
  /** What a reader sees in it, for those who do not see it. */
  alternative: string;
  /** `undefined` when a table says it all. */
  chart: Chart | undefined;
  /** How to read it, or what is missing. */
  remarks: readonly string[];
  tables: readonly { caption: string; layout: Layout; isFolded?: boolean }[];
}

/** The place of each arm in the palette of a page: the same in every chart. */
export type Palette = ReadonlyMap<string, number>;
