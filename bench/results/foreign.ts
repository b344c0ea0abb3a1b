/** Result files that went through other hands. */

/** The text without the first line with which spreadsheets name the separator to each other. */
export const withoutSeparatorLine = (text: string): string => text.replace(/^\uFEFF?"?sep=.?"?\r?\n/i, '');

/** How pandas, R and databases write an empty cell. */
const EMPTY: readonly string[] = ['NaN', 'nan', 'NA', '<NA>', 'None', 'NULL', 'null', '\\N', '#N/A'];

/** The text of a cell as we write it. */
export const emptyOr = (text: string): string => (EMPTY.includes(text) ? '' : text);

/** How spreadsheets of some countries, and databases, write true and false. */
const [TRUE, FALSE] = [
  [
    '1',
    '1.0',
    't',
    'wahr',
    'vrai',
    'verdadero',
    'verdadeiro',
    'vero',
    'waar',
    'prawda',
    'sant',
    'sand',
    'истина',
  ],
  ['0', '0.0', 'f', 'falsch', 'faux', 'falso', 'onwaar', 'fałsz', 'falskt', 'falsk', 'ложь'],
];

/** The text of a cell of true or false as we write it. */
export function booleanText(text: string): string {
  const word = text.toLowerCase();
  return TRUE?.includes(word) ? 'true' : FALSE?.includes(word) ? 'false' : text;
}

/** The character between the cells of a header: spreadsheets write `;` or a tab in some countries. */
export function delimiterOf(text: string): ',' | ';' | '\t' {
  const [header = ''] = text.split(/\r?\n/, 1);
  if (header.includes(',')) return ',';
  return header.includes(';') ? ';' : header.includes('\t') ? '\t' : ',';
}

/**
 * The records without what spreadsheets and pandas add: rows of empty cells, columns without name and content, and a
 * first column that only counts the rows.
 */
export function withoutAdditions(records: readonly string[][]): string[][] {
  const kept = records.filter((cells) => cells.some((cell) => cell !== ''));
  const [header = [], ...lines] = kept;
  const isAdded = (column: number) => {
    const name = header[column] ?? '';
    if (name !== '' && !/^Unnamed: \d+$|^index$/.test(name)) return false;
    const cells = lines.map((line) => line[column] ?? '');
    return cells.every((cell) => cell === '') || (column === 0 && cells.every((cell) => /^\d+$/.test(cell)));
  };
  const columns = header.map((_, column) => column).filter((column) => !isAdded(column));
  return kept.map((cells) => columns.map((column) => cells[column] ?? ''));
}

/** What a spreadsheet did to a number, when it is no number any more or a rounded one; `undefined` otherwise. */
export function spoiltNumber(text: string): string | undefined {
  if (/^-?\d+(\.\d+)?e[+-]?\d+$/i.test(text)) return 'rounded by a spreadsheet';
  if (/^-?\d+(,\d+)+(\.\d+)?$/.test(text))
    return 'with a comma, as spreadsheets write numbers in some countries';
  if (/^-?\d{1,3}([.'’\s]\d{3}){2,}$|^-?\d{1,3}(['’\s]\d{3})+$|^-?\d{1,3}(\.\d{3})+,\d+$/.test(text))
    return 'with its thousands apart, as spreadsheets write numbers in some countries';
  if (/^#/.test(text)) return 'which a spreadsheet shows in place of a value';
  if (/^(\d{1,2}[.\- ]+[A-Z][a-z]{2}\.?|[A-Z][a-z]{2}[.\- ]+\d{1,2})$/.test(text))
    return 'made a date by a spreadsheet';
  return undefined;
}
