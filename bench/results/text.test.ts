import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { drawTable, type Layout } from './text.ts';

const LAYOUT: Layout = {
  headings: ['backend', 'CPU µs\n/request', '95 %', 'p', 'p99 ms'],
  alignments: ['left', 'right', 'left', 'right', 'right'],
  lines: [
    ['none', '13.9', '[13.6, 14.0]', '', '1.75'],
    ['jwt-blacklist:lib=fast-jwt', '46.2', '[45.3, 46.8]', '0.001', '5.70'],
  ],
  dispensable: ['p', '95 %'],
};
const widthOf = (text: string) =>
  Math.max(
    ...stripVTControlCharacters(text)
      .split('\n')
      .map((line) => line.trimEnd().length),
  );

describe('a table on a narrow screen', () => {
  test('is whole where it fits, and in a file', () => {
    const whole = drawTable(LAYOUT, false, undefined, undefined);
    expect(whole).toContain('[45.3, 46.8]');
    expect(whole).not.toContain('left out');
    expect(drawTable(LAYOUT, false, undefined, widthOf(whole))).toBe(whole);
  });

  test.each([
    [60, 'p'],
    [50, 'p, 95 %'],
  ])('fits %i columns without %s, and says so', (columns, names) => {
    for (const color of [false, true]) {
      const text = drawTable(LAYOUT, color, undefined, columns);
      expect(widthOf(text)).toBeLessThanOrEqual(columns);
      expect(text).toContain(`left out for ${columns} columns: ${names}`);
      for (const kept of ['46.2', '5.70', 'jwt-blacklist']) expect(text).toContain(kept);
    }
  });

  test('keeps what may not be left out, however narrow it is', () => {
    const text = drawTable(LAYOUT, false, undefined, 20);
    for (const kept of ['backend', '46.2', '5.70']) expect(text).toContain(kept);
  });
});
