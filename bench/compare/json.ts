import { CONFIGURATION_COLUMNS } from './cells.ts';
import type { Comparison } from './compare.ts';
import type { Finding } from './finding.ts';
import { logMargin } from './metrics.ts';
import { certaintyOf } from './sample.ts';

/** One finding under names with units; unknown or unbounded values are null. */
export type ComparisonRecord = Record<string, string | number | boolean | null>;

/** The findings as flat objects, configuration columns first. Changes are per cent of base, head against base. */
export function comparisonRecords({ findings }: Comparison): ComparisonRecord[] {
  return findings.map((finding) => {
    const cells = CONFIGURATION_COLUMNS.map((column) => [column, finding.configuration[column] ?? null]);
    return { ...Object.fromEntries(cells), ...figures(finding) };
  });
}

function figures({ metric, evidence, verdict, reason, ...decision }: Finding): ComparisonRecord {
  const certainty = evidence && certaintyOf(evidence);
  const worse = metric?.worse === 'lower' ? -1 : 1;
  return {
    metric: metric?.name ?? null,
    method: evidence?.method ?? null,
    base_blocks: evidence?.blocks.base ?? null,
    head_blocks: evidence?.blocks.head ?? null,
    base_median: evidence?.medians.base ?? null,
    head_median: evidence?.medians.head ?? null,
    delta_pct: percent(evidence?.shift.estimate),
    delta_lower_pct: percent(certainty?.shift.lower),
    delta_upper_pct: percent(certainty?.shift.upper),
    p_two_sided: certainty?.test.pTwoSided ?? null,
    p_worse_holm: decision.pWorseHolm ?? null,
    p_better_holm: decision.pBetterHolm ?? null,
    margin_pct: metric ? percent(worse * logMargin(metric)) : null,
    smallest_effect_pct:
      decision.smallestEffect === undefined ? null : percent(worse * decision.smallestEffect),
    verdict,
    reason: reason ?? null,
  };
}

function percent(logRatio: number | undefined): number | null {
  return logRatio === undefined || !Number.isFinite(logRatio) ? null : Math.expm1(logRatio) * 100;
}
