import { betterOf } from '../../bench/ranking/order.ts';
import { type FigureRanking, rankRows } from '../../bench/ranking/ranking.ts';
import type { Figure } from '../../bench/results/figures.ts';
import type { Row } from '../../bench/results/row.ts';

/** What several runs say of the order of two arms. */
export type Agreement = 'same' | 'some' | 'tied' | 'reversed';

export interface Ordering {
  one: string;
  other: string;
  agreement: Agreement;
  /** The better arm in each run; `undefined` where no difference is shown. */
  better: (string | undefined)[];
}

/** The orders of the arms that all runs have in common, in one group and by one figure. */
export interface Orderings {
  title: string;
  figure: Figure['name'];
  pairs: Ordering[];
}

/**
 * Orders of arms in several runs of the same question, group by group and figure by figure: `same` where the test of
 * each run shows the same one, `some` where those that show one agree, `tied` where none does, `reversed` where two
 * contradict. Groups are the same when all but the rate is. Empty when the runs have no group of two ranked arms in common.
 */
export function orderingsOf(runs: readonly (readonly Row[])[]): Orderings[] {
  const ranked = runs.map(rankingsOf);
  const [first = new Map()] = ranked;
  return [...first.keys()].flatMap((key) => {
    const all = ranked.map((run) => run.get(key));
    if (all.includes(undefined)) return [];
    const rankings = all as { title: string; ranking: FigureRanking }[];
    const [{ title, ranking }] = rankings as [{ title: string; ranking: FigureRanking }];
    const names = ranking.arms
      .map(({ name }) => name)
      .filter((name) => rankings.every((run) => run.ranking.arms.some((arm) => arm.name === name)));
    const pairs = names.flatMap((one, index) =>
      names.slice(index + 1).map((other) => {
        const better = rankings.map((run) => betterOf(run.ranking.pairs, one, other));
        return { one, other, better, agreement: agreementOf(better) };
      }),
    );
    return pairs.length === 0 ? [] : [{ title, figure: ranking.figure.name, pairs }];
  });
}

/** By group and figure. */
function rankingsOf(rows: readonly Row[]): Map<string, { title: string; ranking: FigureRanking }> {
  return new Map(
    rankRows(rows).flatMap(({ title, figures }) => {
      const timeless = title.replace(/, [\d,]+\/s /, ', ');
      return figures.map((ranking): [string, { title: string; ranking: FigureRanking }] => [
        `${timeless} ${ranking.figure.name}`,
        { title: timeless, ranking },
      ]);
    }),
  );
}

function agreementOf(better: readonly (string | undefined)[]): Agreement {
  const shown = new Set(better.filter((name) => name !== undefined));
  if (shown.size > 1) return 'reversed';
  if (shown.size === 0) return 'tied';
  return better.includes(undefined) ? 'some' : 'same';
}
