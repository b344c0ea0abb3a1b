import { completeMedian } from '../stats/median.ts';
import { usableRows } from './blocks.ts';
import { armSentences, failureSentences } from './failure-words.ts';
import { blacklistPrice } from './price.ts';
import type { Row } from './row.ts';
import { milliseconds } from './shown.ts';
import { whole } from './text.ts';

/** What is said in words besides the ranking, not wrapped: prices, what broke, and how soon a logout held. */
export const outcomeSentences = (rows: readonly Row[]): string[] => [
  ...blacklistPrice(rows),
  ...failureSentences(rows),
  ...revocationSentences(rows),
];

/** How soon every server refused a logged-out token. Medians over the blocks of the worst. */
function revocationSentences(rows: readonly Row[]): string[] {
  const polled = usableRows(rows).filter((row) => row.operation === 'all' && row.scenario === 'revocation');
  return armSentences(polled, 'a logged-out token of ', (own) => {
    const worst = completeMedian(own.map((row) => row.revoke_visible_p99_us));
    if (worst === undefined) return undefined;
    const accepted = completeMedian(own.map((row) => row.stale_accepts)) ?? 0;
    const until = accepted === 0 ? '' : `, and accepted ${whole(accepted)} times after the logout`;
    return `was refused within ${milliseconds(worst)} ms${until}`;
  });
}
