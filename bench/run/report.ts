import { rankRows } from '../ranking/ranking.ts';
import { type RankingText, rankingText } from '../ranking/render.ts';
import {
  blockKey,
  groupBy,
  groupKey,
  lacksBlocks,
  spoiltBlocks,
  tooFewText,
  usableRows,
} from '../results/blocks.ts';
import { isCpuKnown } from '../results/figures.ts';
import { renderMarkdownRun } from '../results/markdown.ts';
import { isOfSpeed, type Row } from '../results/row.ts';
import { renderLibraries, renderLimits, renderTables } from '../results/table.ts';
import { wrap } from '../results/text.ts';
import { outcomeSentences } from '../results/words.ts';
import { type Group, groupText } from './plan.ts';

/** Input of a run's report. */
export interface Reported {
  rows: readonly Row[];
  /** Words after `pnpm bench`, without secrets: for the command that answers an open question. */
  command: readonly string[];
  /** Backends that are not available, with the reasons. */
  unavailable: readonly string[];
  /** Groups with fewer valid blocks than requested, as `GROUP: HOW MANY`: they are not ranked. */
  tooFew: readonly string[];
  /** The result CSV. */
  path: string;
}

/** The report for a terminal: tables, ranking, and what each backend cannot do. Empty without rows. */
export function renderReport(reported: Reported, color: boolean, wide = false): string {
  const { rows } = reported;
  if (rows.length === 0) return '';
  const ranking = paragraphsOf(rankingOf(reported))
    .map((paragraph) => wrap(paragraph))
    .join('\n');
  const prices = outcomeSentences(rows).map((price) => wrap(price));
  const parts = [renderTables(rows, color, wide), ranking, ...prices, ...remarks(reported)];
  return `\n${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** The same as Markdown. */
export function renderReportMarkdown(reported: Reported): string {
  const { rows } = reported;
  return renderMarkdownRun(rows, [
    ...paragraphsOf(rankingOf(reported)),
    ...outcomeSentences(rows),
    ...remarks(reported),
  ]);
}

/** The ranking in words. A group that is INVALID as a whole is not ranked, however many blocks of it were sound. */
export function rankingOf({
  rows,
  command,
  tooFew,
}: Pick<Reported, 'rows' | 'command' | 'tooFew'>): RankingText {
  const isInvalid = (row: Row) => tooFew.some((one) => one.startsWith(`${axesText(row)}:`));
  // Ranked without their arms, whose sentences must differ from the others.
  const rankings = rankRows(rows).map((one) =>
    isInvalid(one.axes) ? { ...one, arms: 0, apart: [], figures: [] } : one,
  );
  const { sentences, remarks } = rankingText(rankings, command);
  return {
    sentences,
    remarks: [...remarks, ...tooFew.map((one) => `No ranking, for too many blocks were dropped: ${one}.`)],
  };
}

const paragraphsOf = ({ sentences, remarks }: RankingText) => [...sentences, ...remarks];

/** The axes of a row as a run names its groups. */
export function axesText(row: Row): string {
  const {
    scenario,
    servers = 0,
    affinity,
    payload_bytes: payloadBytes = 0,
    store_distance_ms: storeDistanceMs,
    inner_servers: innerServers,
    fault,
  } = row;
  return groupText({
    ...{ scenario, servers, affinity, payloadBytes, storeDistanceMs, innerServers, fault },
  } as Group);
}

/**
 * The groups of a file that its run called INVALID, in its words. @param repeat how many blocks the run wanted; NaN when
 * that is not recorded, and then none is named. @param hasTimeLimit whether it had `--within`.
 */
export function tooFewOf(rows: readonly Row[], repeat: number, hasTimeLimit: boolean): string[] {
  return groupBy(rows, groupKey).flatMap((group) => {
    const valid = new Set(usableRows(group).map(blockKey)).size;
    if (!lacksBlocks({ valid, dropped: spoiltBlocks(group).size }, repeat, hasTimeLimit)) return [];
    return [tooFewText(axesText(group[0] ?? {}), valid, repeat)];
  });
}

const CPU_REMARK =
  'CPU is that of servers and store together, by the Hodges-Lehmann estimate over the blocks. ';

function remarks({ rows, unavailable, path }: Reported): string[] {
  return [
    renderLimits(rows),
    renderLibraries(rows),
    unavailable.length === 0 ? '' : `Left out: ${unavailable.join('; ')}. To install it: sh scripts/setup.sh`,
    wrap(
      `${rows.some((row) => isCpuKnown(row) && isOfSpeed(row)) ? CPU_REMARK : ''}Rows: ${path}, explained in results/README.md`,
    ),
  ];
}
