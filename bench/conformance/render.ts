import { styleText } from 'node:util';
import Table from 'cli-table3';
import { escaped, tableLine, tableStyle, wrap } from '../results/text.ts';
import type { Cell } from './check.ts';
import type { Column, Matrix } from './matrix.ts';

const SIGNS = { pass: '✓', fail: '✗', 'n/a': '–', error: 'error' } as const;
const TITLE_COLUMNS = 46;
const SOURCE_COLUMNS = 32;

/** Text of a cell: an unexpected one includes the expectation. A remark is part of it, or below it on a screen. */
function signOf(cell: Cell | undefined, remarkOf = (remark: string) => ` ${remark}`): string {
  if (cell === undefined) return '';
  if (cell.surprise) return `${SIGNS[cell.observed]} not ${SIGNS[cell.expected]}`;
  return SIGNS[cell.observed] + (cell.remark === undefined ? '' : remarkOf(cell.remark));
}

/** Columns of a remark: those of the name of a backend. */
const REMARK_COLUMNS = 10;

/** Below the sign, in narrow lines. */
function below(remark: string): string {
  let width = REMARK_COLUMNS;
  const words = remark.split(' ').map((word) => {
    width += word.length + 1;
    if (width <= REMARK_COLUMNS + 1) return ` ${word}`;
    width = word.length + 1;
    return `\n${word}`;
  });
  return words.join('');
}

/** The matrix for a terminal, with the meaning of each ✗, and every unexpected cell with its evidence. */
export function renderMatrix(matrix: Matrix, color: boolean): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    color ? styleText(style, text, { validateStream: false }) : text;
  const table = new Table({
    head: ['', 'property', 'source', ...matrix.columns.map(headOf)],
    colWidths: [5, TITLE_COLUMNS, SOURCE_COLUMNS],
    wordWrap: true,
    ...tableStyle(color),
  });
  for (const { id, title, source, cells } of matrix.rows) {
    const signs = cells.map((cell) => {
      const sign = signOf(cell, below);
      if (cell?.surprise === true) return paint(['red', 'bold'], sign);
      if (cell?.observed === 'pass') return paint('green', sign);
      return cell?.observed === 'fail' ? paint('yellow', sign) : sign;
    });
    // Parentheses are for the documents.
    table.push([id, title, source.replaceAll(/ \([^)]*\)/g, ''), ...signs]);
  }
  const lines = [
    table.toString(),
    '',
    '✓ holds   ✗ does not, as expected of this backend   – does not apply   an unexpected cell names both',
    ...section('What each ✗ means:', matrix.limits.map(sentenceOf)),
    ...section(
      'Unexpected:',
      matrix.surprises.map((cell) => paint('red', surpriseOf(cell))),
    ),
    '',
    conclusionOf(matrix),
  ];
  return `${lines.join('\n')}\n`;
}

/** The complete matrix as Markdown, including why something does not apply. */
export function renderMatrixMarkdown(matrix: Matrix): string {
  const heads = matrix.columns.map((column) => escaped(headOf(column).replace('\n', ', ')));
  const rows = matrix.rows.map(({ id, title, source, cells }) =>
    tableLine([id, escaped(title), escaped(source), ...cells.map((cell) => signOf(cell))]),
  );
  const list = (title: string, items: readonly string[]) =>
    items.length === 0 ? [] : ['', `${title}`, '', ...items.map((item) => `- ${escaped(item)}`)];
  const lines = [
    tableLine(['', 'property', 'source', ...heads]),
    tableLine(['', 'property', 'source', ...heads].map(() => '---')),
    ...rows,
    ...list('What each ✗ means:', matrix.limits.map(sentenceOf)),
    ...list('Why – does not apply:', matrix.exempt.map(sentenceOf)),
    ...list('Unexpected:', matrix.surprises.map(surpriseOf)),
    '',
    conclusionOf(matrix),
  ];
  return `${lines.join('\n')}\n`;
}

function headOf({ backend, place }: Column): string {
  return place === '' ? backend : `${backend}\n${place}`;
}

function section(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : ['', title, ...items.map((item) => wrap(`  ${item}`, '      '))];
}

function sentenceOf({ id, backends, because }: Matrix['limits'][number]): string {
  return `${id} ${backends.join(', ')}: ${because}`;
}

function surpriseOf(cell: Cell): string {
  const { id, backend, affinity, balancer, expected, observed, evidence, title } = cell;
  return `${id} ${backend}, ${affinity}, ${balancer}: expected ${expected}, observed ${observed}: ${evidence} (${title})`;
}

function conclusionOf({ surprises, rows, columns }: Matrix): string {
  const summary = `${rows.length} properties, ${columns.length} column${columns.length === 1 ? '' : 's'}`;
  const found = surprises.length === 0 ? 'all as expected' : `${surprises.length} unexpected`;
  return `${summary}: ${found}`;
}
