import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import fixtures from './fixtures/statistics.json' with { type: 'json' };
import { seededRandom } from './random.ts';
import { changeOf, isSteady, mannKendallTest, theilSenSlope } from './trend.ts';

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

describe('a change with its interval', () => {
  // scipy.stats.theilslopes(values, alpha=0.9), times n − 1, over the median, in per cent.
  test.each([
    [
      '12 even values',
      [31.22, 28.47, 30.25, 29.66, 29.73, 29.87, 28.79, 29.86, 29.48, 31.99, 30.14, 29.79],
      [1.0987706063146045, -4.733165688739869, 5.163453478625335],
    ],
    [
      '12 falling ones',
      [29.83, 29.3, 28.77, 28.87, 29.09, 28.36, 28.77, 27.78, 27.61, 28.23, 27.33, 26.4],
      [-9.462128979020283, -11.321547348153326, -6.8031973860785255],
    ],
    [
      '60 values',
      [
        30.41, 29.53, 29.76, 29.81, 29.95, 30.02, 29.45, 29.27, 29.76, 30.09, 29.93, 29.73, 29.54, 29.7,
        29.51, 29.8, 29.28, 29.53, 29.43, 29.59, 29.47, 30.14, 29.79, 29.76, 28.67, 29.15, 29.04, 29.35,
        28.48, 29.48, 29.42, 28.68, 28.75, 28.77, 28.99, 29.14, 29.53, 28.83, 29.09, 28.88, 29.33, 28.99,
        29.15, 28.39, 28.62, 28.41, 29.07, 28.79, 28.47, 28.39, 28.65, 28.26, 28.16, 28.55, 29.12, 28.28,
        28.15, 27.94, 27.86, 28.39,
      ],
      [-6.123427416793214, -6.95754716981133, -5.152034929050371],
    ],
  ])('as SciPy finds it: %s', (_, values, [pct, lowerPct, upperPct]) => {
    const found = changeOf(values, 0.9);
    expect(found?.pct).toBeCloseTo(pct as number, 9);
    expect(found?.lowerPct).toBeCloseTo(lowerPct as number, 9);
    expect(found?.upperPct).toBeCloseTo(upperPct as number, 9);
  });

  test('covers the true change in 90 % of series, and is unknown for one value', () => {
    const random = seededRandom(7);
    const noise = () => Array.from({ length: 12 }, random).reduce((sum, one) => sum + one, -6);
    let covered = 0;
    for (let series = 0; series < 1000; series += 1) {
      const values = Array.from({ length: 16 }, (_, index) => 100 - index / 3 + noise());
      const { lowerPct = 0, upperPct = 0 } = changeOf(values, 0.9) ?? {};
      if (lowerPct <= -5.13 && upperPct >= -5.13) covered += 1;
    }
    expect(covered / 1000).toBeGreaterThan(0.87);
    expect(covered / 1000).toBeLessThan(0.95);
    expect(changeOf([1], 0.9)).toBeUndefined();
  });
});
