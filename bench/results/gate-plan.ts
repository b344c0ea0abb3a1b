/** The figures that may decide a comparison. */
export type DecidingFigure = 'cpu_us_per_req' | 'rps_ok' | 'p50_us' | 'p99_us';

/** A gate that decides at several looks at its data; on record beside its rows. */
export interface SequentialPlan {
  /** Valid blocks at each look so far, ascending. */
  looks: readonly number[];
  /** Valid blocks at the last look that is planned. */
  planned: number;
  /** The figures that decide; the others inform. */
  deciding: readonly DecidingFigure[];
}
