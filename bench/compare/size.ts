import { type ColumnName, cellText, type Row } from '../results/row.ts';
import { CONFIGURATION_COLUMNS } from './cells.ts';
import { forTheWorse, undecided } from './decide.ts';
import type { Finding } from './finding.ts';
import { logMargin } from './metrics.ts';
import { percentText } from './percent.ts';

/** Columns in which a configuration at equal load differs from the same one in a closed loop. */
const LOAD_COLUMNS: readonly ColumnName[] = ['pass', 'load_model', 'target_rps', 'pinning', 'generator_mode'];

/** Fewer valid blocks at equal load give no size. */
const MIN_SIZE_BLOCKS = 6;

export const isEqualLoad = (row: Row): boolean => row.pass === 'equal-load';

/**
 * The findings of a gate, with the size of what the closed loop calls REGRESSED. At saturation a slower server also
 * pays for waking the client, so the margin is held against the change at equal load, where that was measured.
 */
export function withSizes(findings: readonly Finding[]): Finding[] {
  const sizes = findings.filter(({ configuration }) => isEqualLoad(configuration));
  return findings.map((finding) => {
    if (finding.verdict !== 'REGRESSED' || finding.metric === undefined) return finding;
    const size = sizes.find(
      (one) => one.metric?.name === finding.metric?.name && keyOf(one) === keyOf(finding),
    );
    return { ...finding, ...judgedBySize(finding, size) };
  });
}

function judgedBySize(finding: Finding, size: Finding | undefined) {
  const { metric, evidence } = size ?? {};
  if (metric === undefined || evidence === undefined || evidence.blocks.head < MIN_SIZE_BLOCKS) {
    return { reason: 'the margin is held against the closed loop: no valid pass at equal load' };
  }
  const { estimate } = forTheWorse({ metric, evidence });
  const { estimate: shift = 0, lower, upper } = evidence.shift;
  const text = `${percentText(shift)} [${percentText(lower)}, ${percentText(upper)}] at equal load`;
  return estimate >= logMargin(metric)
    ? { reason: `costs ${text}` }
    : undecided('SLOWER', `costs ${text}, below the margin; ${closedText(finding)}`);
}

function closedText({ evidence }: Finding): string {
  return `${percentText(evidence?.shift.estimate ?? 0)} at a full box`;
}

const keyOf = ({ configuration }: Finding) =>
  JSON.stringify(
    CONFIGURATION_COLUMNS.filter((column) => !LOAD_COLUMNS.includes(column)).map((column) =>
      cellText(configuration[column]),
    ),
  );
