import { completeMedian } from '../stats/median.ts';
import { usableRows } from './blocks.ts';
import { armText, byArmAndOperation, groupsOf, shortTitle } from './groups.ts';
import type { NumberColumn, Row } from './row.ts';
import { fixed } from './shown.ts';
import { whole } from './text.ts';

/** What broke, and what the clients of each backend met: a sentence for each group, not wrapped. Medians over the blocks. */
export function failureSentences(rows: readonly Row[]): string[] {
  const broken = usableRows(rows).filter((row) => row.operation === 'all' && row.fault !== undefined);
  return groupsOf(broken).map(({ rows: group }) => {
    const arms = byArmAndOperation(group, true).map(
      (own) => `${armText(own[0] ?? {})} ${clausesOf(own).join(', ')}`,
    );
    return `${shortTitle(group[0] ?? {})}: ${arms.join('; ')}.`;
  });
}

function clausesOf(rows: readonly Row[]): string[] {
  const of = (column: NumberColumn) => completeMedian(rows.map((row) => row[column])) ?? 0;
  const share = (count: number, total: number, what: string) => `${whole(count)} of ${whole(total)} ${what}`;
  const [answered, lost, wrong, undone] = [
    of('availability_pct'),
    of('logins_lost'),
    of('wrong_answers'),
    of('logouts_undone'),
  ];
  return [
    `answered ${answered === 100 ? 'every request' : `${fixed(1)(answered)} % of the requests`}`,
    lost === 0 ? 'lost no login' : `lost ${share(lost, of('logins'), 'logins')}`,
    ...(wrong === 0 ? [] : [`gave ${whole(wrong)} wrong answers`]),
    ...(undone === 0 ? [] : [`undid ${share(undone, of('logouts'), 'logouts')}`]),
  ];
}
