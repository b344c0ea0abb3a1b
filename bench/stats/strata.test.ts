import { describe, expect, test } from 'vitest';
import {
  rankSumEstimate,
  rankSumTest,
  type Stratum,
  stratifiedRankSumEstimate,
  stratifiedRankSumTest,
} from './rank-sum.ts';

/** Two days, of which the second costs 100 more; head costs 1 more on both. */
const DAYS: Stratum[] = [
  { base: [10, 12, 14], head: [11.5, 13.5, 15.5] },
  { base: [110, 113], head: [111.2, 114.2, 116.2] },
];

const pairsAbove = (strata: readonly Stratum[]) =>
  strata.flatMap(({ base, head }) => head.flatMap((after) => base.filter((before) => after > before))).length;

/** Every way to divide the values of each stratum between the sides. */
function divisions([first, ...others]: readonly Stratum[]): Stratum[][] {
  if (first === undefined) return [[]];
  const values = [...first.base, ...first.head];
  const rest = divisions(others);
  return Array.from({ length: 2 ** values.length }, (_, mask) => ({
    base: values.filter((_, index) => ((mask >> index) & 1) === 0),
    head: values.filter((_, index) => ((mask >> index) & 1) === 1),
  }))
    .filter(({ head }) => head.length === first.head.length)
    .flatMap((own) => rest.map((one) => [own, ...one]));
}

describe('the rank-sum test over strata', () => {
  test('has the distribution of all divisions within the strata', () => {
    const statistic = pairsAbove(DAYS);
    const all = divisions(DAYS).map(pairsAbove);
    expect(all).toHaveLength(20 * 10);
    const found = stratifiedRankSumTest(DAYS);
    expect([found.statistic, found.exact, found.count]).toEqual([statistic, true, 11]);
    expect(found.pUp).toBeCloseTo(all.filter((one) => one >= statistic).length / all.length, 12);
    expect(found.pDown).toBeCloseTo(all.filter((one) => one <= statistic).length / all.length, 12);
  });

  test('of one stratum is the plain one, and a stratum of one side adds nothing', () => {
    const [day] = DAYS as [Stratum];
    const alone = { base: [1, 2, 3], head: [] };
    expect(stratifiedRankSumTest([day])).toEqual(rankSumTest(day.base, day.head));
    expect(stratifiedRankSumTest([day, alone])).toMatchObject({
      statistic: rankSumTest(day.base, day.head).statistic,
      pUp: rankSumTest(day.base, day.head).pUp,
    });
    expect(stratifiedRankSumEstimate([day, alone], 0.9)).toEqual(rankSumEstimate(day.base, day.head, 0.9));
    expect(stratifiedRankSumTest([])).toMatchObject({ pUp: 1, pDown: 1 });
    expect(stratifiedRankSumEstimate([], 0.9).estimate).toBeUndefined();
  });

  test('finds the shift that the difference between the strata hides', () => {
    const mixed = { base: DAYS.flatMap(({ base }) => base), head: DAYS.flatMap(({ head }) => head) };
    expect(stratifiedRankSumEstimate(DAYS, 0.9).estimate).toBeCloseTo(1.5, 9);
    expect(stratifiedRankSumTest(DAYS).pUp).toBeLessThan(rankSumTest(mixed.base, mixed.head).pUp);
  });

  test('the interval holds the shifts that the test does not reject', () => {
    const confidence = 0.9;
    const { lower, upper } = stratifiedRankSumEstimate(DAYS, confidence);
    const p = (shift: number) =>
      stratifiedRankSumTest(
        DAYS.map(({ base, head }) => ({ base, head: head.map((value) => value - shift) })),
      ).pTwoSided;
    for (const inside of [lower + 1e-6, upper - 1e-6]) expect(p(inside)).toBeGreaterThan(1 - confidence);
    for (const outside of [lower - 1e-6, upper + 1e-6])
      expect(p(outside)).toBeLessThanOrEqual(1 - confidence);
  });

  test('with ties is normal, with the variances of the strata', () => {
    const tied = [
      { base: [1, 2, 2], head: [2, 3, 3] },
      { base: [7, 8], head: [8, 9] },
    ];
    const found = stratifiedRankSumTest(tied);
    expect(found.exact).toBe(false);
    // By hand: U 8 of 9 and 3.5 of 4; variances 9/12 · (7 − 30/30) and 4/12 · (5 − 6/12).
    expect(found.statistic).toBe(11.5);
    const deviation = Math.sqrt(4.5 + 1.5);
    const z = (11.5 - 6.5 - 0.5) / deviation;
    expect(z).toBeCloseTo(1.8371, 4);
    expect(found.pUp).toBeCloseTo(0.0331, 3);
  });
});
