/** Result files that went through other hands, and files of other tools that are given for one. */

/** What a file is that is no result CSV, for an error; `undefined` when it may be one. */
export function otherKindOf(text: string): string | undefined {
  const start = text.trimStart();
  if (start.startsWith('PK\u0003\u0004')) return 'a workbook (.xlsx): save it as CSV';
  if (text.slice(0, 100).includes('\u0000')) return 'binary data, or text in UTF-16: save it as CSV in UTF-8';
  if (start.startsWith('<')) return 'HTML or XML';
  if (start.startsWith('{') || start.startsWith('[')) return jsonKindOf(start);
  if (/^(goos|goarch|pkg): |^Benchmark\w+\s+\d+\s/m.test(start.slice(0, 2_000)))
    return 'the output of go test -bench';
  if (/^(name\s+old |\s+│ )/m.test(start.slice(0, 2_000))) return 'a table of benchstat';
  return undefined;
}

/** By keys that only they have. */
const JSON_KINDS: readonly [keys: readonly string[], name: string][] = [
  [['"root_group"', '"metrics"'], 'a summary of k6'],
  [['"metric":', '"type":"Point"'], 'an output of k6'],
  [['"results"', '"command"', '"stddev"'], 'a result of hyperfine'],
  [['"aggregate"', '"counters"'], 'a report of Artillery'],
  [['"latencies"', '"status_codes"'], 'a report of vegeta'],
  [['"requests"', '"latency"', '"throughput"'], 'a result of autocannon'],
  [['"latencyPercentiles"'], 'a result of oha'],
];

function jsonKindOf(text: string): string {
  const known = JSON_KINDS.find(([keys]) => keys.every((key) => text.replaceAll('": ', '":').includes(key)));
  return known === undefined ? 'JSON' : `${known[1]} (JSON)`;
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
  if (/^(\d{1,2}[.\- ]+[A-Z][a-z]{2}\.?|[A-Z][a-z]{2}[.\- ]+\d{1,2})$/.test(text))
    return 'made a date by a spreadsheet';
  return undefined;
}
