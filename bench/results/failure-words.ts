import { completeMedian } from '../stats/median.ts';
import { usableRows } from './blocks.ts';
import { armText, byArmAndOperation, groupsOf, shortTitle } from './groups.ts';
import type { NumberColumn, Row } from './row.ts';
import { fixed } from './shown.ts';
import { whole } from './text.ts';

/** What broke, and what the clients of each backend met. Medians over the blocks. */
export function failureSentences(rows: readonly Row[]): string[] {
  const broken = usableRows(rows).filter((row) => row.operation === 'all' && row.fault !== undefined);
  return armSentences(broken, '', (own) => clausesOf(own).join(', '));
}

/** A sentence for each group, not wrapped, with what is said of each arm; an arm and a group of which nothing is, are left out. */
export function armSentences(
  rows: readonly Row[],
  lead: string,
  clauseOf: (own: readonly Row[]) => string | undefined,
): string[] {
  return groupsOf(rows).flatMap(({ rows: group }) => {
    const arms = byArmAndOperation(group, true).flatMap((own) => {
      const clause = clauseOf(own);
      return clause === undefined ? [] : [`${armText(own[0] ?? {})} ${clause}`];
    });
    return arms.length === 0 ? [] : [`${shortTitle(group[0] ?? {})}: ${lead}${arms.join('; ')}.`];
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
