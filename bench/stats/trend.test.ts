import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import fixtures from './fixtures/statistics.json' with { type: 'json' };
import { isSteady, mannKendallTest, theilSenSlope } from './trend.ts';

const SEEDED = { seed: 20261121, numRuns: 200 } as const;
const values = fc.array(
  fc.integer({ min: -6, max: 6 }).map((value) => value / 4),
  { maxLength: 24 },
);

describe('a trend', () => {
  test.each(fixtures.trends)('as R finds it: $name', ({ values, statistic, pTwoSided, slope }) => {
    const found = mannKendallTest(values);
    expect(found.statistic).toBe(statistic);
    expect(Math.abs(found.pTwoSided - pTwoSided), `p ${found.pTwoSided}`).toBeLessThanOrEqual(
      1e-9 * pTwoSided + 1e-15,
    );
    expect(theilSenSlope(values)).toBeCloseTo(slope, 9);
  });

  test('the fixtures hold ties, long series and both outcomes', () => {
    const { trends } = fixtures;
    expect(trends.some(({ name }) => name.startsWith('ties'))).toBe(true);
    expect(Math.max(...trends.map(({ values }) => values.length))).toBe(45);
    for (const isSmall of [true, false]) {
      expect(trends.some(({ pTwoSided }) => pTwoSided <= 0.01 === isSmall)).toBe(true);
    }
  });

  test('is as likely backwards, turned over, or scaled', () => {
    fc.assert(
      fc.property(values, (series) => {
        const { statistic, pTwoSided } = mannKendallTest(series);
        for (const other of [series.toReversed(), series.map((value) => -value)]) {
          const turned = mannKendallTest(other);
          expect(turned.statistic).toBe(0 - statistic);
          expect(turned.pTwoSided).toBeCloseTo(pTwoSided, 12);
        }
        expect(mannKendallTest(series.map((value) => value * 8))).toEqual({ statistic, pTwoSided });
        expect(pTwoSided).toBeGreaterThan(0);
        expect(pTwoSided).toBeLessThanOrEqual(1);
      }),
      SEEDED,
    );
  });

  test('of nothing, of one value and of equal values is none', () => {
    for (const series of [[], [3], [2, 2, 2]]) expect(mannKendallTest(series).pTwoSided).toBe(1);
    expect([theilSenSlope([]), theilSenSlope([3])]).toEqual([undefined, undefined]);
  });
});

describe('CPU per request has settled', () => {
  test.each([
    ['rising by 1 % each time', [100, 101, 102, 103, 104, 105], false, 4.9],
    ['falling by 1 % each time', [105, 104, 103, 102, 101, 100], false, -4.9],
    ['rising, with one exception', [100, 101, 103, 102, 104, 105], true, 4.9],
    ['rising by 2.5 % in all', [100, 100.5, 101, 101.5, 102, 102.5], true, 2.5],
    ['wild, without a direction', [100, 140, 90, 130, 80, 120], true, undefined],
    ['five windows are too few to tell', [100, 110, 120, 130, 140], true, undefined],
    ['one window', [100], true, 0],
    ['none', [], true, 0],
  ])('%s', (_, windows, steady, slopePct) => {
    const found = isSteady(windows);
    expect(found.steady).toBe(steady);
    if (slopePct !== undefined) expect(found.slopePct).toBeCloseTo(slopePct, 1);
  });
});
