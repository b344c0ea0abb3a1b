/** Figures as documents publish them. `<!-- audit: NAME -->` stands before what is recomputed. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './rows.ts';

/** A line of a table, or a whole paragraph, and the numbers in it. */
export interface Published {
  label: string;
  numbers: string[];
}

const MARK = /^<!-- audit: ([\w-]+) -->$/;
const NUMBER = /[-−+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?/g;

/** Names of everything in a document that is to be recomputed. */
export function namesIn(document: string): string[] {
  return document.split('\n').flatMap((line) => MARK.exec(line.trim())?.[1] ?? []);
}

export function readDocument(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The lines after the mark: of a table and of an indented block those with figures, or the paragraph as one; none without it. */
export function publishedIn(document: string, name: string): Published[] {
  const lines = document.split('\n');
  const from = lines.indexOf(`<!-- audit: ${name} -->`) + 1;
  if (from === 0) return [];
  const start = lines.findIndex((line, index) => index >= from && line.trim() !== '');
  const first = lines[start] ?? '';
  if (first.startsWith('|')) return tableLines(lines, start).flatMap(lineOfTable);
  if (first.startsWith('    ')) return blockLines(lines, start).flatMap(lineOfBlock);
  const end = lines.findIndex((line, index) => index > start && line.trim() === '');
  return [{ label: '', numbers: numbersIn(lines.slice(start, end < 0 ? undefined : end).join(' ')) }];
}

/** The whole text of the indented block after the mark; empty without it. */
export function blockIn(document: string, name: string): string {
  const lines = document.split('\n');
  const from = lines.indexOf(`<!-- audit: ${name} -->`) + 1;
  const start = lines.findIndex((line, index) => index >= from && line.startsWith('    '));
  if (from === 0 || start < 0) return '';
  return blockLines(lines, start)
    .map((line) => line.trim())
    .join('\n');
}

function tableLines(lines: readonly string[], start: number): string[] {
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  // After the heading and its rule.
  return lines.slice(start + 2, end < 0 ? undefined : end);
}

function lineOfTable(line: string): Published[] {
  const [label = '', ...cells] = line.split('|').slice(1, -1);
  return [{ label: label.trim(), numbers: numbersIn(cells.join(' | ')) }];
}

function blockLines(lines: readonly string[], start: number): string[] {
  const end = lines.findIndex((line, index) => index > start && line !== '' && !line.startsWith('    '));
  return lines.slice(start, end < 0 ? undefined : end);
}

/** Lines that begin with a name and go on with figures, after more than one space. */
function lineOfBlock(line: string): Published[] {
  const [, label, rest] = /^ {4}(\S+) {2,}([\d.,[\] ]+)/.exec(line) ?? [];
  const numbers = numbersIn(rest ?? '');
  return label === undefined || numbers.length === 0 ? [] : [{ label, numbers }];
}

const numbersIn = (text: string) => text.match(NUMBER) ?? [];
