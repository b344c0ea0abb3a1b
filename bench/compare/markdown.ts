import { escaped, ruleLine, tableLine } from '../results/text.ts';
import type { Comparison } from './compare.ts';
import { summaryLine } from './format.ts';
import { ALIGNMENTS, layOut, legendOf } from './layout.ts';

const EMPHASIZED: readonly string[] = ['REGRESSED', 'INVALID', 'IMPROVED'];

/** The comparison as Markdown for the comment of a pull request: the verdict first, then the table. */
export function renderMarkdown(comparison: Comparison): string {
  const { title, headings, lines, notes } = layOut(comparison);
  const rows = lines.map(({ name, figures, verdict, verdictText, note }) => [
    ...[name, ...figures].map(escaped),
    EMPHASIZED.includes(verdict) ? `**${verdictText}**` : verdictText,
    escaped(note),
  ]);
  const remarks = [
    ...notes.map((note, index) => `[${index + 1}] ${note}`),
    ...comparison.warnings.map((warning) => `Warning: ${warning}`),
    title,
    ...legendOf(comparison),
  ];
  return [
    `**session-bench compare: ${escaped(summaryLine(comparison))}**`,
    '',
    tableLine(headings),
    ruleLine(ALIGNMENTS),
    ...rows.map(tableLine),
    ...remarks.flatMap((remark) => ['', escaped(remark)]),
    '',
  ].join('\n');
}
