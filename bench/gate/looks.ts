import type { Comparison } from '../compare/compare.ts';
import { forTheWorse } from '../compare/decide.ts';
import type { Finding } from '../compare/finding.ts';
import { summaryLine } from '../compare/format.ts';
import { logMargin } from '../compare/metrics.ts';
import { firstLooks, looksUpTo } from '../compare/sequential.ts';
import type { Config } from '../config/config.ts';
import type { SequentialPlan } from '../results/gate-plan.ts';

/** The looks of a gate: when verdicts are possible, when it may stop, and what it says meanwhile. Pure. */

/** What a gate of this configuration can say, and when. */
export function planText(config: Config, deciding: SequentialPlan['deciding']): string {
  const { stores, servers, affinities, scenarios, payloadsBytes, storeDistancesMs = [0], repeat } = config;
  const cells = [stores, servers, affinities, scenarios, payloadsBytes, storeDistancesMs].reduce(
    (n, axis) => n * axis.length,
    1,
  );
  const { alarm, ok } = firstLooks(repeat, cells * deciding.length);
  const from = (look: number | undefined) => (look === undefined ? 'never' : `from ${look} blocks on`);
  return `looks after ${looksUpTo(repeat).join(', ')} valid blocks: no regression is possible ${from(ok)}, REGRESSED ${from(alarm)}`;
}

/** Whether no further block can change what matters: something is REGRESSED, or everything is below its margin. */
export function isSettled({ findings }: Comparison): boolean {
  const deciding = findings.filter(({ verdict }) => verdict !== 'INFORMATIVE');
  if (deciding.some(({ verdict }) => verdict === 'REGRESSED')) return true;
  return deciding.length > 0 && deciding.every(isBelowMargin);
}

function isBelowMargin({ metric, evidence }: Finding): boolean {
  return (
    metric !== undefined &&
    evidence !== undefined &&
    forTheWorse({ metric, evidence }).upper < logMargin(metric)
  );
}

/** What a look has shown, with the blocks that a decision would need at this scatter if the code is the same. */
export function lookText(blocks: number, comparison: Comparison, planned: number): string {
  const needed = Math.max(...comparison.findings.map((one) => blocksNeeded(one, blocks)));
  const futile =
    needed > planned ? `; at this scatter ${planned} blocks will hardly exclude a regression` : '';
  return `look at ${blocks} blocks: ${summaryLine(comparison)}${futile}`;
}

/** Blocks in which the half length of the interval falls to two thirds of the margin. */
function blocksNeeded({ metric, evidence, verdict }: Finding, blocks: number): number {
  if (metric === undefined || evidence === undefined || verdict === 'INFORMATIVE') return 0;
  const half = (evidence.shift.upper - evidence.shift.lower) / 2;
  return Math.ceil(blocks * (half / ((2 / 3) * logMargin(metric))) ** 2);
}
