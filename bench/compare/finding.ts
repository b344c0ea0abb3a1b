import type { Row } from '../results/row.ts';
import type { Decision } from './decide.ts';
import type { Metric } from './metrics.ts';
import type { Evidence } from './sample.ts';

/** One metric of one cell, or a cell that cannot be compared (then without metric and evidence). */
export interface Finding extends Decision {
  configuration: Row;
  metric: Metric | undefined;
  evidence: Evidence | undefined;
}
