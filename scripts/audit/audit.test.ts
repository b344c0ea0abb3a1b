import { describe, expect, test } from 'vitest';
import { DOCUMENTS, TABLES, unknownMarks } from './audit.ts';
import { check } from './check.ts';
import { namesIn, publishedIn, readDocument } from './documents.ts';

/** Another digit instead of the last one. */
const altered = (number: string) => `${number.slice(0, -1)}${(Number(number.at(-1)) + 1) % 10}`;

describe.each(TABLES.map((table) => ({ name: `${table.document}, ${table.name}`, table })))(
  '$name',
  ({ table }) => {
    const text = readDocument(table.document);

    test('is what its rows give', () => {
      const figures = check(table, text);
      expect(figures.length).toBeGreaterThan(0);
      expect(figures.filter(({ isSame }) => !isSame)).toEqual([]);
    });

    test('a changed digit in any line is found', () => {
      const mark = `<!-- audit: ${table.name} -->`;
      const [before, after] = [text.slice(0, text.indexOf(mark)), text.slice(text.indexOf(mark))];
      for (const { label, numbers } of publishedIn(text, table.name)) {
        const [number = ''] = numbers;
        const line = after.split('\n').find((one) => one.includes(label) && one.includes(number)) as string;
        const at = line.indexOf(number, line.indexOf(label) + label.length);
        const other = line.slice(0, at) + altered(number) + line.slice(at + number.length);
        const figures = check(table, before + after.replace(line, () => other));
        expect(figures.filter(({ isSame }) => !isSame)).toHaveLength(1);
      }
    });

    test('without its mark every figure differs', () => {
      const figures = check(table, text.replace(`<!-- audit: ${table.name} -->`, ''));
      expect(figures.length).toBeGreaterThan(0);
      expect(figures.filter(({ isSame }) => isSame)).toEqual([]);
    });

    test('a line that is left out is found', () => {
      const [{ label = '' } = {}] = publishedIn(text, table.name);
      const kept = text.split('\n');
      const from = kept.indexOf(`<!-- audit: ${table.name} -->`);
      const at = kept.findIndex((line, index) => index > from && line.includes(label) && /\d/.test(line));
      kept.splice(at, 1);
      expect(check(table, kept.join('\n')).filter(({ isSame }) => !isSame)).not.toEqual([]);
    });
  },
);

test('what is marked is recomputed, and what is recomputed is published', () => {
  expect(unknownMarks()).toEqual([]);
  const marks = DOCUMENTS.flatMap((document) => namesIn(readDocument(document)));
  expect(marks.sort()).toEqual(TABLES.map(({ name }) => name).sort());
});
