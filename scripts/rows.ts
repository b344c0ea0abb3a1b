/** The rows of a measurement as a small CSV (RFC 4180), for results/proof. */

import { writeFileSync } from 'node:fs';

export type Cell = string | number;

/** Writes the rows, with a head, when a file is named; nothing otherwise. */
export function writeRows(
  path: string | undefined,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
): void {
  if (path === undefined) return;
  writeFileSync(path, [head, ...rows].map((cells) => `${cells.map(textOf).join(',')}\r\n`).join(''));
}

function textOf(cell: Cell): string {
  const text = typeof cell === 'number' ? String(Number(cell.toPrecision(7))) : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
