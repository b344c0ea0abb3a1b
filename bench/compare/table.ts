import { drawTable, plain, wrap } from '../results/text.ts';
import type { Comparison } from './compare.ts';
import type { Verdict } from './decide.ts';
import { summaryLine } from './format.ts';
import { ALIGNMENTS, DISPENSABLE, layOut, legendOf } from './layout.ts';

const [RED, GREEN, YELLOW] = [31, 32, 33];
const COLORS: Readonly<Partial<Record<Verdict, number>>> = {
  REGRESSED: RED,
  INVALID: RED,
  INCONCLUSIVE: YELLOW,
  SLOWER: YELLOW,
  IMPROVED: GREEN,
};

/** The comparison for a terminal: title, table, footnotes, warnings and the summary line. */
export function renderComparison(comparison: Comparison, color: boolean): string {
  const { title, headings, lines, notes } = layOut(comparison);
  const rows = lines.map(({ name, figures, verdict, verdictText, note }, index) => {
    const shown = name === lines[index - 1]?.name ? '' : name;
    return [shown, ...figures, painted(verdict, verdictText, color), note];
  });
  return [
    wrap(title),
    drawTable({ headings, alignments: ALIGNMENTS, lines: rows, dispensable: DISPENSABLE }, color),
    ...notes.map((note, index) => wrap(`[${index + 1}] ${note}`, '    ')),
    ...comparison.warnings.map((warning) => wrap(`warning: ${plain(warning)}`)),
    ...legendOf(comparison).map((legend) => wrap(legend)),
    '',
    wrap(summaryLine(comparison)),
    '',
  ].join('\n');
}

function painted(verdict: Verdict, text: string, color: boolean): string {
  const code = COLORS[verdict];
  return color && code !== undefined ? `\u001b[${code}m${text}\u001b[39m` : text;
}
