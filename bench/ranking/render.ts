import { closedLoopTitle } from '../results/layout.ts';
import { MIN_BLOCKS } from '../stats/levels.ts';
import { answerCommand } from './answer-command.ts';
import type { FigureRanking, GroupRanking, Unranked } from './ranking.ts';
import { sentenceOf, speedSentence } from './sentence.ts';

/** What a run shows about the order of its arms; texts are not wrapped. */
export interface RankingText {
  /** One for each group and figure. */
  sentences: string[];
  /** What the sizes depend on, what is not ranked, and the method; or why there is no ranking, and the command for one. */
  remarks: string[];
}

/** The ranking in words. Empty when there is nothing to rank. @param command the words after `pnpm bench`, without secrets. */
export function rankingText(rankings: readonly GroupRanking[], command: readonly string[]): RankingText {
  const several = rankings.filter(
    ({ arms, interleaved, figures }) => arms > 1 && (!interleaved || figures.length > 0),
  );
  const ranked = several.filter(isRanked);
  const rest = several.filter((one) => !isRanked(one));
  return {
    sentences: ranked.flatMap((one) => one.figures.map((figure) => figureSentence(one, figure, rankings))),
    remarks: [
      ...ranked.flatMap((one) => one.figures.map(speedSentence).filter((text) => text !== '')),
      ...notRanked(ranked),
      ...(ranked.length === 0 ? [] : [METHOD]),
      ...(rest.length === 0 ? [] : [noRanking(rest, command)]),
    ],
  };
}

const METHOD =
  'Ranked pair by pair: exact signed-rank test of the ratios within blocks, p at most 1 % after Holm over all pairs of a group; × is the Hodges-Lehmann estimate with its 95 % interval, widened where neighbouring blocks are alike.';

function isRanked({ figures, blocks }: GroupRanking): boolean {
  return figures.length > 0 && blocks >= MIN_BLOCKS;
}

function figureSentence(group: GroupRanking, ranking: FigureRanking, all: readonly GroupRanking[]): string {
  const unique = all.filter(({ shortTitle }) => shortTitle === group.shortTitle).length === 1;
  const title = unique ? group.shortTitle : group.title;
  const blocks = Math.min(...ranking.pairs.map((pair) => pair.blocks));
  if (ranking.arms.length < 2) return `${title}: ${ranking.figure.what} is not known of two arms`;
  const isTied = ranking.pairs.every(({ better }) => better === undefined);
  const inText = isTied ? `, ${ranking.figure.what}` : '';
  const short =
    blocks < ranking.blocksNeeded
      ? ` (of ${ranking.pairs.length} pairs none can be ranked with ${blocks} blocks; it takes ${ranking.blocksNeeded})`
      : '';
  const where = ranking.figure.name === 'rps_ok' ? `, ${closedLoopTitle(group.axes)}` : '';
  return `${title}${where}${inText}: ${sentenceOf(ranking)}${short}`;
}

function notRanked(groups: readonly GroupRanking[]): string[] {
  const reasons = new Map<string, string>();
  const note = ({ name, reason }: Unranked, what = '') => reasons.set(`${name}${what}`, reason);
  for (const { apart, figures } of groups) {
    for (const one of apart) note(one);
    for (const ranking of figures) for (const one of ranking.apart) note(one, ` by ${ranking.figure.what}`);
  }
  if (reasons.size === 0) return [];
  const list = [...reasons].map(([name, reason]) => `${name} (${reason})`);
  return [`Not ranked: ${list.join(', ')}.`];
}

function noRanking(groups: readonly GroupRanking[], command: readonly string[]): string {
  const answer = `For an answer: ${answerCommand(command)}`;
  if (groups.some(({ interleaved }) => !interleaved)) {
    return `No ranking: these arms ran one after the other. Measured that way, identical code differed by a third on a dedicated machine, and by far more on a busy one. ${answer}`;
  }
  const fewest = Math.min(...groups.map(({ blocks }) => blocks));
  const count = fewest === 1 ? 'one block' : `${fewest} blocks`;
  return `No ranking: from ${count} differences below the noise of this run mean nothing, and a ranking needs ${MIN_BLOCKS}. ${answer}`;
}
