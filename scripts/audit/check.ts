/** Published figures beside recomputed ones. */

import { blockIn, publishedIn, readDocument } from './documents.ts';

/** What stands after a mark, recomputed: the numbers of each line, in its order. */
export interface Table {
  document: string;
  name: string;
  lines: () => ReadonlyMap<string, readonly (number | undefined)[]>;
  /** Numbers in sentences of the same block, with their recomputation. */
  sentences?: (block: string) => readonly Sentence[];
}

export interface Sentence {
  text: string;
  published: readonly string[];
  numbers: readonly number[];
}

export interface Figure {
  where: string;
  published: string;
  /** The recomputed figure, rounded as the published one; empty where nothing was recomputed. */
  recomputed: string;
  isSame: boolean;
}

/** Every number of a table beside its recomputation, in order. A number without a partner is not the same. */
export function check(table: Table, text = readDocument(table.document)): Figure[] {
  const expected = table.lines();
  const published = publishedIn(text, table.name);
  const labels = new Set([...published.map(({ label }) => label), ...expected.keys()]);
  const ofLines = [...labels].flatMap((label) => {
    const numbers = published.filter((line) => line.label === label).flatMap((line) => line.numbers);
    const values = (expected.get(label) ?? []).filter((value) => value !== undefined);
    return pairs(`${table.name}: ${label}`, numbers, values);
  });
  return [...ofLines, ...sentencesOf(table, text)];
}

function sentencesOf({ name, sentences }: Table, text: string): Figure[] {
  if (sentences === undefined) return [];
  const block = blockIn(text, name).replace(/\s+/g, ' ');
  if (block === '') return [];
  return sentences(block).flatMap((one) => pairs(`${name}: ${one.text}`, one.published, one.numbers));
}

function pairs(where: string, published: readonly string[], values: readonly number[]): Figure[] {
  const length = Math.max(published.length, values.length);
  return Array.from({ length }, (_, index) => {
    const text = published[index] ?? '';
    const value = values[index];
    const recomputed = value === undefined ? '' : rounded(value, text);
    return { where, published: text, recomputed, isSame: text !== '' && plain(text) === recomputed };
  });
}

const plain = (text: string) =>
  text
    .replaceAll(',', '')
    .replace('−', '-')
    .replace(/^\+/, '')
    .replace(/^-(0(?:\.0+)?)$/, '$1');

/** With as many digits after the point as the published text. */
function rounded(value: number, text: string): string {
  const digits = (text.split('.')[1] ?? '').length;
  return plain(value.toFixed(digits));
}
