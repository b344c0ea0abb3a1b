/** Result files, read by nothing but RFC 4180. */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');

export type Row = Readonly<Record<string, string>>;

/** The rows of a CSV, whose path is absolute or of this repository. */
export function readRows(path: string): Row[] {
  const [head = [], ...rows] = cellsOf(readFileSync(resolve(ROOT, path), 'utf8'));
  return rows.map((cells) => Object.fromEntries(head.map((name, index) => [name, cells[index] ?? ''])));
}

/** The lines of a file of JSON lines of this repository. */
export function readLines<T>(path: string): T[] {
  const lines = readFileSync(join(ROOT, path), 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as T);
}

/** ln(head / base) of a figure, of the blocks that both have. */
export function pairedLogs(
  base: readonly Row[],
  head: readonly Row[],
  figure: (row: Row) => number,
): number[] {
  const others = new Map(head.map((row) => [row['block'], row]));
  return base.flatMap((row) => {
    const other = others.get(row['block']);
    return other === undefined ? [] : [Math.log(figure(other) / figure(row))];
  });
}

/** A number; `undefined` for an empty cell. @throws Error for anything else. */
export function numberIn(row: Row, column: string): number | undefined {
  const text = row[column];
  if (text === undefined) throw new Error(`expected the column ${column}`);
  if (text === '') return undefined;
  const value = Number(text);
  if (Number.isNaN(value)) throw new Error(`expected a number in ${column}, got ${text}`);
  return value;
}

/** As {@link numberIn}. @throws Error for an empty cell. */
export function needed(row: Row, column: string): number {
  const value = numberIn(row, column);
  if (value === undefined) throw new Error(`expected a figure in ${column}, got none`);
  return value;
}

export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

const CELL = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/g;

function cellsOf(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, cell = '', end] of text.matchAll(CELL)) {
    row.push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  // The empty match after the last line.
  return rows.slice(0, text.endsWith('\n') ? -1 : undefined);
}
