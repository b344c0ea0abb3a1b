import { groupBy, WITH_ANOTHER_ARM } from '../results/blocks.ts';
import { isSpoilt } from '../results/row.ts';
import type { BlockOutcome } from './block/block.ts';
import { armName } from './plan.ts';

/**
 * What came of a block, in a line: the throughput of its arms, or why it was dropped. A reason that all arms share, such
 * as other work on the machine, stands once.
 */
export function blockSummary({ trials, failures }: Pick<BlockOutcome, 'trials' | 'failures'>): string {
  const [failure] = failures;
  if (failure !== undefined) return failure;
  const arms = trials.map(({ trial, rows: [row] }) => ({ name: armName(trial), row: row ?? {} }));
  const dropped = arms.filter(({ row }) => isSpoilt(row));
  const others = arms.filter((arm) => !dropped.includes(arm));
  const own = dropped.filter(({ row }) => row.invalid_reason?.startsWith(WITH_ANOTHER_ARM) !== true);
  const reasons = groupBy(own, ({ row }) => row.invalid_reason ?? '').map((same) => {
    const names = same.length === arms.length ? '' : `${same.map(({ name }) => name).join(', ')} `;
    return `${names}INVALID: ${same[0]?.row.invalid_reason}`;
  });
  const texts = others.map(({ name, row }) =>
    row.status === 'ok'
      ? `${name} ${row.fault === undefined ? `${Math.round(row.rps_ok ?? 0)}/s` : `${(row.availability_pct ?? 0).toFixed(1)} % answered`}`
      : `${name} ${row.status}: ${row.invalid_reason}`,
  );
  return [...reasons, ...texts].join(', ');
}
