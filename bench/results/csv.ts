import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { CsvError, parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import { BenchError, messageOf, writing } from '../errors.ts';
import {
  booleanText,
  delimiterOf,
  emptyOr,
  spoiltNumber,
  withoutAdditions,
  withoutSeparatorLine,
} from './foreign.ts';
import { otherKindOf } from './other-files.ts';
import { COLUMNS, type ColumnName, cellText, parseCell, type Row } from './row.ts';
import { plain } from './text.ts';

/** A result file that grows by whole rows, and is a valid CSV (RFC 4180) at every moment. */
export interface ResultFile {
  path: string;
  append(row: Row): void;
  close(): void;
}

const NAMES = COLUMNS.map((column) => column.name);

/** Creates a result file with its header. @throws BenchError OUTPUT_UNWRITABLE, also when it exists already. */
export function createResultFile(path: string): ResultFile {
  const expected = `to write ${path}`;
  if (existsSync(path)) {
    throw new BenchError({
      code: 'OUTPUT_UNWRITABLE',
      expected,
      got: 'a file of that name',
      remedy: 'Name another file with --out, or move that one away.',
    });
  }
  const descriptor = writing(expected, 'Name a writable file with --out.', () => openSync(path, 'wx'));
  const file = openForAppend(path, descriptor);
  appendLine(path, descriptor, stringify([[...NAMES]]));
  return file;
}

/** Opens a result file to continue it, with only these of its rows. @throws BenchError OUTPUT_UNWRITABLE */
export function continueResultFile(path: string, kept: readonly Row[]): ResultFile {
  const half = `${path}.${process.pid}`;
  return writing(`to write ${path}`, 'Make it writable; its rows are kept.', () => {
    // Renamed into place, so that the file is always the old one or the new one.
    writeFileSync(half, stringify([NAMES, ...kept.map(cellsOf)]));
    renameSync(half, path);
    return openForAppend(path, openSync(path, 'a'));
  });
}

function openForAppend(path: string, descriptor: number): ResultFile {
  return {
    path,
    append: (row) => appendLine(path, descriptor, stringify([cellsOf(row)])),
    close: () => closeSync(descriptor),
  };
}

const cellsOf = (row: Row) => NAMES.map((name) => cellText(row[name]));

/** Appends the whole line or nothing: a full disk leaves the file unchanged. */
function appendLine(path: string, descriptor: number, line: string): void {
  const before = fstatSync(descriptor).size;
  const bytes = Buffer.from(line);
  let written = 0;
  writing(`to write ${path}`, 'Free some space; the rows written before are kept.', () => {
    try {
      while (written < bytes.length) written += writeSync(descriptor, bytes, written, bytes.length - written);
    } catch (error) {
      if (fstatSync(descriptor).isFile()) ftruncateSync(descriptor, before);
      throw error;
    }
  });
}

/**
 * The rows of a result file, also of one that a spreadsheet or pandas has saved, as long as nothing was lost by that.
 * @throws BenchError CSV_INVALID when it is empty, damaged or of another kind.
 */
export function readResultFile(path: string): Row[] {
  let records: string[][];
  try {
    const given = readFileSync(path, 'utf8');
    const other = otherKindOf(given);
    if (other !== undefined) throw new Error(other);
    const text = withoutSeparatorLine(given);
    const delimiter = delimiterOf(text);
    records = withoutAdditions(parse(text, { bom: true, delimiter, skip_empty_lines: true, trim: true }));
  } catch (error) {
    throw damaged(
      path,
      isCutOff(error) ? `a file that is cut off: ${messageOf(error)}` : messageOf(error),
      error,
    );
  }
  const [header, ...lines] = records;
  if (header === undefined) throw damaged(path, 'an empty file');
  const unknown = header.filter((name) => !NAMES.includes(name as ColumnName));
  if (unknown.length > 0) {
    const isOther = unknown.length > header.length / 2;
    const where = isOther ? ', in a first line that is not of a result CSV' : '';
    throw damaged(path, `unknown columns ${firstOf(unknown)}${where}`);
  }
  const twice = header.find((name, index) => header.indexOf(name) !== index);
  if (twice !== undefined) throw damaged(path, `the column ${twice} twice`);
  const second = lines.findIndex((line) => line.join() === header.join());
  if (second >= 0) throw damaged(path, `two files in one: row ${second + 1} has the names of columns again`);
  return lines.map((line, index) => {
    try {
      const cells = header.map((name, column) => [name, readCell(name as ColumnName, line[column] ?? '')]);
      return Object.fromEntries(cells.filter(([, value]) => value !== undefined)) as Row;
    } catch (error) {
      throw damaged(path, `${messageOf(error)} in row ${index + 1}`, error);
    }
  });
}

const NAMES_SHOWN = 5;

function firstOf(names: readonly string[]): string {
  const more = names.length - NAMES_SHOWN;
  return `${names.slice(0, NAMES_SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** @throws Error also for a number that a spreadsheet has rounded. */
function readCell(name: ColumnName, given: string): Row[ColumnName] {
  const kind = COLUMNS.find((column) => column.name === name)?.kind;
  const text = kind === 'boolean' ? booleanText(emptyOr(given)) : emptyOr(given);
  const cause = kind === 'text' ? undefined : spoiltNumber(text);
  if (cause !== undefined) throw new Error(`column ${name} contains "${text}", ${cause}`);
  return parseCell(name, text);
}

/** A line with fewer cells than the header, or within quotes at the end. */
function isCutOff(error: unknown): boolean {
  return error instanceof CsvError && /^CSV_(RECORD_INCONSISTENT_|QUOTE_NOT_CLOSED)/.test(error.code);
}

function damaged(path: string, got: string, cause?: unknown): BenchError {
  const [expected, remedy] = [`a result CSV in ${path}`, 'Name a file that pnpm bench wrote.'];
  // The file may contain anything, including control sequences for a terminal.
  return new BenchError({ code: 'CSV_INVALID', expected, got: plain(got), remedy, cause });
}
