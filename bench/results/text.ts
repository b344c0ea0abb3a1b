/** Layout of text for people: pure. */

import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import { SCREEN_COLUMNS } from './screen.ts';

/** Maximum columns of a line: a terminal beside an editor. */
const LINE_COLUMNS = Math.min(100, SCREEN_COLUMNS ?? 100);

/** The text in lines of at most {@link LINE_COLUMNS}, broken between words; further lines are indented. */
export function wrap(text: string, indent = '  '): string {
  let width = 0;
  const words = text.split(' ').map((word) => {
    width += word.length + 1;
    if (width <= LINE_COLUMNS + 1) return ` ${word}`;
    width = indent.length + word.length + 1;
    return `\n${indent}${word}`;
  });
  return words.join('').slice(1);
}

/** A whole number with its thousands apart: `14,949`. */
export function whole(value: number): string {
  // Without the sign of a negative zero.
  return (Math.round(value) || 0).toLocaleString('en-US');
}

/** A number and what it counts: `1 block`, `3 blocks`. */
export function counted(count: number | undefined, what: string): string {
  return `${count} ${count === 1 ? what : `${what}s`}`;
}

/** For cli-table3: no frame, one rule below the heading. */
const SIDES = ['top', 'bottom', 'left', 'right'].flatMap((side) => [side, `${side}-mid`]);
const CORNERS = ['top-left', 'top-right', 'bottom-left', 'bottom-right'];
const HIDDEN = Object.fromEntries([...SIDES, ...CORNERS].map((part) => [part, '']));
const BORDERLESS = { ...HIDDEN, mid: '─', 'mid-mid': '─', middle: ' ' };

/** A table, independent of the format. */
export interface Layout {
  headings: readonly string[];
  alignments: readonly ('left' | 'right')[];
  lines: readonly string[][];
  /** Headings of columns that may be left out on a narrow screen, the least important first. */
  dispensable?: readonly string[];
}

/**
 * The table for a terminal. Where it is wider than the screen, columns are left out, and a line says which.
 * @param gap columns between two cells. @param columns of the screen; `undefined` for any width.
 */
export function drawTable(
  layout: Layout,
  color: boolean,
  gap?: number,
  columns: number | undefined = SCREEN_COLUMNS,
): string {
  const [text, leftOut] = fitted(layout, color, gap, columns);
  const names = leftOut.map((heading) => heading.replace('\n', ' ').replace('/ ', '/'));
  return names.length === 0 ? text : `${text}\nleft out for ${columns} columns: ${names.join(', ')}`;
}

function fitted(
  layout: Layout,
  color: boolean,
  gap: number | undefined,
  columns: number | undefined,
): [text: string, leftOut: string[]] {
  const { headings, alignments, lines, dispensable = [] } = layout;
  const table = new Table({ head: [...headings], colAligns: [...alignments], ...tableStyle(color, gap) });
  table.push(...lines);
  const text = table.toString();
  const next = dispensable.find((heading) => headings.includes(heading));
  if (columns === undefined || next === undefined || widthOf(text) <= columns) return [text, []];
  const at = headings.lastIndexOf(next);
  const without = <T>(cells: readonly T[]) => cells.filter((_, index) => index !== at);
  const narrower = {
    headings: without(headings),
    alignments: without(alignments),
    lines: lines.map(without),
    dispensable,
  };
  const [narrow, others] = fitted(narrower, color, gap, columns);
  return [narrow, [next, ...others]];
}

/** Columns of the widest line, without the spaces at its end. */
function widthOf(text: string): number {
  const plainLines = stripVTControlCharacters(text).split('\n');
  return Math.max(...plainLines.map((line) => line.trimEnd().length));
}

/** The look of every table: options of cli-table3. @param gap columns between two cells. */
export function tableStyle(color: boolean, gap = 1) {
  const [head, border] = color ? [['bold'], ['grey']] : [[], []];
  const style = { head, border, compact: true, 'padding-left': 0, 'padding-right': gap };
  return { style, chars: BORDERLESS };
}

/** Text of a file without control characters. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}

/** Text that Markdown shows unchanged, without mentions: names come from an untrusted file. */
export function escaped(text: string): string {
  return plain(text)
    .replace(/[\\`*_[\]<>|~#&]/g, '\\$&')
    .replaceAll('@', '@\u200b');
}

/** One line of a Markdown table; the cells are Markdown already. */
export const tableLine = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;

/** The line below the headings of a Markdown table. */
export const ruleLine = (alignments: Layout['alignments']) =>
  tableLine(alignments.map((side) => (side === 'right' ? '---:' : '---')));
