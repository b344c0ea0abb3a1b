import { stripVTControlCharacters, styleText } from 'node:util';
import Table from 'cli-table3';
import { SCREEN_COLUMNS } from '../results/screen.ts';
import { escaped, tableLine, tableStyle, wrap } from '../results/text.ts';
import type { Cell } from './check.ts';
import type { Column, Matrix } from './matrix.ts';

const SIGNS = { pass: '✓', fail: '✗', 'n/a': '–', error: 'error' } as const;
const TITLE_COLUMNS = 46;
const SOURCE_COLUMNS = 32;
const NARROW_TITLES = [38, 30];

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
export function renderMatrix(
  matrix: Matrix,
  color: boolean,
  screen: number | undefined = SCREEN_COLUMNS,
): string {
  const paint = painter(color);
  const [table, isWhole] = drawMatrix(matrix, color, screen ?? Number.POSITIVE_INFINITY);
  const lines = [
    table,
    ...(isWhole ? [] : [`left out for ${screen} columns: source`]),
    '',
    ...LEGEND,
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

const LEGEND = [
  '✓ holds   ✗ does not, as expected of this backend   – does not apply',
  'an unexpected cell names both',
];

const painter =
  (color: boolean) =>
  (style: Parameters<typeof styleText>[0], text: string): string =>
    color ? styleText(style, text, { validateStream: false }) : text;

/**
 * The table, and whether it has the sources. Where it is wider than the screen these are left out first, then titles
 * get narrower, and then the backends stand in several tables below each other.
 */
function drawMatrix(matrix: Matrix, color: boolean, screen: number): [text: string, isWhole: boolean] {
  const whole = drawPart(matrix, color, TITLE_COLUMNS, true);
  if (widthOf(whole) <= screen) return [whole, true];
  const widths = [TITLE_COLUMNS, ...NARROW_TITLES];
  const parts = widths.map((title) => drawPart(matrix, color, title, false));
  const fitting = parts.find((part) => widthOf(part) <= screen);
  const count = matrix.columns.length;
  if (fitting !== undefined || count === 1) return [fitting ?? (parts.at(-1) as string), false];
  const part = (from: number, to?: number) =>
    drawMatrix(
      {
        ...matrix,
        columns: matrix.columns.slice(from, to),
        rows: matrix.rows.map((row) => ({ ...row, cells: row.cells.slice(from, to) })),
      },
      color,
      screen,
    );
  const half = Math.ceil(count / 2);
  const [[first, firstWhole], [second, secondWhole]] = [part(0, half), part(half)];
  return [`${first}\n\n${second}`, firstWhole && secondWhole];
}

function drawPart({ columns, rows }: Matrix, color: boolean, title: number, hasSource: boolean): string {
  const paint = painter(color);
  const table = new Table({
    head: ['', 'property', ...(hasSource ? ['source'] : []), ...columns.map(headOf)],
    colWidths: [5, title, ...(hasSource ? [SOURCE_COLUMNS] : [])],
    wordWrap: true,
    ...tableStyle(color),
  });
  for (const row of rows) {
    const signs = row.cells.map((cell) => {
      const sign = signOf(cell, below);
      if (cell?.surprise === true) return paint(['red', 'bold'], sign);
      if (cell?.observed === 'pass') return paint('green', sign);
      return cell?.observed === 'fail' ? paint('yellow', sign) : sign;
    });
    // Parentheses are for the documents.
    const source = hasSource ? [row.source.replaceAll(/ \([^)]*\)/g, '')] : [];
    table.push([row.id, row.title, ...source, ...signs]);
  }
  return table.toString();
}

const widthOf = (text: string): number =>
  Math.max(
    ...stripVTControlCharacters(text)
      .split('\n')
      .map((line) => line.trimEnd().length),
  );

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

function conclusionOf({ surprises, rows, columns, isFound }: Matrix): string {
  const summary = `${rows.length} properties, ${columns.length} column${columns.length === 1 ? '' : 's'}`;
  const found =
    surprises.length === 0 ? (isFound ? 'as found' : 'all as expected') : `${surprises.length} unexpected`;
  return `${summary}: ${found}`;
}
