import { layOutRun } from './layout.ts';
import type { Row } from './row.ts';
import { escaped, type Layout, ruleLine, tableLine } from './text.ts';

/**
 * The tables of a run as Markdown, all of them, with their footnotes.
 * @param paragraphs the following plain text: the ranking, limits, the path of the rows.
 */
export function renderMarkdownRun(rows: readonly Row[], paragraphs: readonly string[]): string {
  const blocks = layOutRun(rows, true).flatMap(({ title, tables, notes }) => [
    `**${escaped(title)}**`,
    ...tables.flatMap((one) => [
      ...(one.title === undefined ? [] : [escaped(one.title)]),
      markdownTable(one.table),
    ]),
    ...notes.map((note, index) => escaped(`[${index + 1}] ${note}`)),
  ]);
  const texts = paragraphs.filter((paragraph) => paragraph !== '').map(markdownParagraph);
  return `${[...blocks, ...texts].join('\n\n')}\n`;
}

function markdownTable({ headings, alignments, lines }: Layout): string {
  const cells = (texts: readonly string[]) =>
    tableLine(texts.map((text) => escaped(text.replaceAll('\n', ', '))));
  return [cells(headings), ruleLine(alignments), ...lines.map(cells)].join('\n');
}

/** Lines that begin with an indent become a list below the first, as {@link renderLimits} writes them. */
function markdownParagraph(text: string): string {
  const lines = text.replace(/\n {3,}/g, ' ').split('\n');
  return lines
    .map((line) => (line.startsWith('  ') ? `- ${escaped(line.trim())}` : escaped(line)))
    .join('\n');
}
