import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import fixtures from './fixtures/statistics.json' with { type: 'json' };
import { holmAdjusted } from './holm.ts';
import { median } from './median.ts';
import { normalCdf, normalQuantile } from './normal.ts';
import { rankSumEstimate, rankSumTest } from './rank-sum.ts';
import { midranks } from './ranks.ts';
import { signedRankEstimate, signedRankTest } from './signed-rank.ts';
import { smallestEffect } from './smallest-effect.ts';

const CONFIDENCE = 0.95;
const P_VALUES = ['pUp', 'pDown', 'pTwoSided'] as const;

/** Equal to nine digits, also where p is as small as 1e-16. */
function expectClose(got: number | undefined, expected: number, what: string): void {
  expect(Math.abs((got ?? Number.NaN) - expected), `${what}: ${got}, R says ${expected}`).toBeLessThanOrEqual(
    1e-9 * Math.abs(expected) + 1e-15,
  );
}

describe('against R', () => {
  test.each(fixtures.signed_rank)('signed rank: $name', ({ values, exact, estimate, ...expected }) => {
    const found = signedRankTest(values);
    expect(found.exact).toBe(exact);
    for (const name of P_VALUES) expectClose(found[name], expected[name], name);
    expectClose(signedRankEstimate(values, CONFIDENCE).estimate, estimate, 'estimate');
  });

  test.each(fixtures.signed_rank.filter(({ interval }) => interval !== null))(
    'signed-rank interval: $name',
    ({ values, interval }) => {
      const found = signedRankEstimate(values, CONFIDENCE);
      // R is exact beyond 50 too; this interval may end one Walsh average beside it there.
      const digits = values.length <= 50 ? 12 : 2;
      expect(found.lower).toBeCloseTo(interval?.[0] as number, digits);
      expect(found.upper).toBeCloseTo(interval?.[1] as number, digits);
    },
  );

  test.each(fixtures.rank_sum)('rank sum: $name', ({ base, head, exact, estimate, ...expected }) => {
    const found = rankSumTest(base, head);
    expect(found.exact).toBe(exact);
    for (const name of P_VALUES) expectClose(found[name], expected[name], name);
    expectClose(rankSumEstimate(base, head, CONFIDENCE).estimate, estimate, 'estimate');
  });

  test.each(fixtures.rank_sum.filter(({ interval }) => interval !== null))(
    'rank-sum interval: $name',
    ({ base, head, interval }) => {
      const found = rankSumEstimate(base, head, CONFIDENCE);
      const digits = Math.max(base.length, head.length) <= 50 ? 12 : 2;
      expect(found.lower).toBeCloseTo(interval?.[0] as number, digits);
      expect(found.upper).toBeCloseTo(interval?.[1] as number, digits);
    },
  );

  test.each(fixtures.holm)('Holm: $p', ({ p, adjusted }) => {
    for (const [index, found] of holmAdjusted(p).entries()) {
      expectClose(found, adjusted[index] as number, `p ${index}`);
    }
  });

  test('normal distribution and its quantiles', () => {
    for (const [index, z] of fixtures.normal.z.entries()) {
      const p = fixtures.normal.cdf[index] as number;
      expectClose(normalCdf(z), p, `P(Z <= ${z})`);
      if (Math.abs(z) < 5) expect(normalQuantile(p)).toBeCloseTo(z, 8);
    }
    expect(normalCdf(Number.POSITIVE_INFINITY)).toBe(1);
  });

  test('the fixtures hold what they should', () => {
    const sizes = fixtures.signed_rank.map(({ values }) => values.length);
    expect([Math.min(...sizes), Math.max(...sizes)]).toEqual([1, 60]);
    for (const word of ['ties', 'zeros', 'all equal', 'all zero']) {
      expect(fixtures.signed_rank.some(({ name }) => name.includes(word))).toBe(true);
    }
  });
});

/** Values on a coarse grid, so that ties and zeros are common, exact in binary so that shifts lose nothing. */
const grid = (min: number, max: number) =>
  fc.array(
    fc.integer({ min: -16, max: 16 }).map((value) => value / 8),
    { minLength: min, maxLength: max },
  );
const SEEDED = { seed: 20261121, numRuns: 200 } as const;

describe('signed rank, of any values', () => {
  test('turning the signs swaps the sides, and order does not matter', () => {
    fc.assert(
      fc.property(grid(0, 60), (values) => {
        const [found, turned] = [
          signedRankTest(values),
          signedRankTest(values.map((value) => -value).reverse()),
        ];
        expectClose(turned.pUp, found.pDown, 'turned');
        expectClose(turned.pTwoSided, found.pTwoSided, 'two-sided');
        const { lower, upper } = signedRankEstimate(values, CONFIDENCE);
        const mirrored = signedRankEstimate(
          values.map((value) => -value),
          CONFIDENCE,
        );
        expect([0 - mirrored.upper, 0 - mirrored.lower]).toEqual([lower, upper]);
      }),
      SEEDED,
    );
  });

  test('a shift moves estimate and interval by as much; a scale changes no p', () => {
    fc.assert(
      fc.property(grid(1, 60), fc.integer({ min: -8, max: 8 }), (values, shift) => {
        const found = signedRankEstimate(values, CONFIDENCE);
        const moved = signedRankEstimate(
          values.map((value) => value + shift),
          CONFIDENCE,
        );
        expect(moved).toEqual({
          estimate: (found.estimate as number) + shift,
          lower: found.lower + shift,
          upper: found.upper + shift,
        });
        expect(signedRankTest(values.map((value) => value * 4)).pUp).toBe(signedRankTest(values).pUp);
      }),
      SEEDED,
    );
  });

  test('exact p-values are chances: the two sides overlap by the chance of what was seen', () => {
    fc.assert(
      fc.property(grid(1, 50), (values) => {
        const { pUp, pDown } = signedRankTest(values);
        expect(Math.min(pUp, pDown)).toBeGreaterThan(0);
        expect(Math.max(pUp, pDown)).toBeLessThanOrEqual(1);
        expect(pUp + pDown).toBeGreaterThanOrEqual(1);
      }),
      SEEDED,
    );
  });

  test('interval and two-sided test agree where there are neither ties nor zeros', () => {
    const distinct = fc.uniqueArray(fc.integer({ min: -1000, max: 1000 }), {
      minLength: 6,
      maxLength: 50,
      selector: Math.abs,
    });
    fc.assert(
      fc.property(distinct, (values) => {
        fc.pre(!values.includes(0));
        const { lower, upper } = signedRankEstimate(values, CONFIDENCE);
        fc.pre(lower !== 0 && upper !== 0);
        expect(lower > 0 || upper < 0).toBe(signedRankTest(values).pTwoSided <= 1 - CONFIDENCE);
      }),
      SEEDED,
    );
  });

  test('few values bound nothing; the smallest p is 2^-n', () => {
    expect(signedRankEstimate([1, 2, 3, 4, 5], CONFIDENCE)).toEqual({
      estimate: 3,
      lower: Number.NEGATIVE_INFINITY,
      upper: Number.POSITIVE_INFINITY,
    });
    expect(signedRankEstimate([], CONFIDENCE).estimate).toBeUndefined();
    expect(signedRankTest(Array.from({ length: 12 }, (_, index) => index + 1)).pUp).toBe(2 ** -12);
  });
});

describe('rank sum, of any values', () => {
  test('exchanging the samples swaps the sides', () => {
    fc.assert(
      fc.property(grid(1, 55), grid(1, 55), (base, head) => {
        const [found, turned] = [rankSumTest(base, head), rankSumTest(head.toReversed(), base)];
        expectClose(turned.pUp, found.pDown, 'turned');
        expect(turned.statistic + found.statistic).toBe(base.length * head.length);
      }),
      SEEDED,
    );
  });

  test('a shift of both changes no p; a shift of head moves the estimate', () => {
    fc.assert(
      fc.property(grid(1, 30), grid(1, 30), fc.integer({ min: -8, max: 8 }), (base, head, shift) => {
        const add = (values: number[]) => values.map((value) => value + shift);
        expect(rankSumTest(add(base), add(head))).toEqual(rankSumTest(base, head));
        const found = rankSumEstimate(base, head, CONFIDENCE);
        expect(rankSumEstimate(base, add(head), CONFIDENCE)).toEqual({
          estimate: (found.estimate as number) + shift,
          lower: found.lower + shift,
          upper: found.upper + shift,
        });
      }),
      SEEDED,
    );
  });

  test('an empty side or equal values decide nothing', () => {
    expect(rankSumTest([], [1, 2]).pTwoSided).toBe(1);
    expect(rankSumTest([3, 3, 3], [3, 3]).pTwoSided).toBe(1);
    expect(rankSumEstimate([], [1], CONFIDENCE).estimate).toBeUndefined();
  });
});

describe('Holm', () => {
  const chances = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 });

  test('never lowers a p, keeps their order, and ends at Bonferroni for the smallest', () => {
    fc.assert(
      fc.property(chances, (pValues) => {
        const adjusted = holmAdjusted(pValues);
        for (const [a, p] of pValues.entries()) {
          expect(adjusted[a]).toBeGreaterThanOrEqual(p);
          expect(adjusted[a]).toBeLessThanOrEqual(1);
          for (const [b, q] of pValues.entries()) {
            if (p < q) expect(adjusted[a]).toBeLessThanOrEqual(adjusted[b] as number);
          }
        }
        const least = Math.min(...pValues);
        if (pValues.length > 0)
          expect(Math.min(...adjusted)).toBeCloseTo(Math.min(1, least * pValues.length), 12);
      }),
      SEEDED,
    );
  });
});

test('midranks of equal values are the mean of their places', () => {
  expect(midranks([3, 1, 3, 2, 3])).toEqual({ ranks: [4, 1, 4, 2, 4], tieTerm: 24 });
  expect(midranks([])).toEqual({ ranks: [], tieTerm: 0 });
});

test('median', () => {
  expect([[], [2], [3, 1], [5, 1, 3]].map(median)).toEqual([undefined, 2, 2, 3]);
});

test('the smallest effect: 3.17 standard errors at 1 %, more for a stricter level or a wide margin, none without an interval', () => {
  const interval = { estimate: 7, lower: 7 - 1.959964, upper: 7 + 1.959964 };
  const of = (alpha: number, margin: number) => smallestEffect(interval, CONFIDENCE, { alpha, margin });
  expect(of(0.01, 0)).toBeCloseTo(2.326348 + 0.841621, 4);
  expect(of(0.001, 0)).toBeGreaterThan(of(0.01, 0));
  expect(of(0.01, 5)).toBeCloseTo(5 + 0.841621, 4);
  const unbounded = signedRankEstimate([1, 2], CONFIDENCE);
  expect(smallestEffect(unbounded, CONFIDENCE, { alpha: 0.01, margin: 0 })).toBe(Number.POSITIVE_INFINITY);
});
