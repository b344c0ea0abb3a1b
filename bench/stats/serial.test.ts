import { expect, test } from 'vitest';
import { CONFIDENCE } from './levels.ts';
import { seededRandom } from './random.ts';
import { normal } from './random-fixture.ts';
import { dependenceOn, neighbourCorrelation, widenedBy } from './serial.ts';
import { signedRankEstimate } from './signed-rank.ts';

const random = seededRandom(20261128);
const draw = () => normal(random);

/** First-order autoregression about 0 with variance 1. */
function series(count: number, correlation: number): number[] {
  let last = draw();
  return Array.from({ length: count }, () => {
    const value = last;
    last = correlation * last + Math.sqrt(1 - correlation ** 2) * draw();
    return value;
  });
}

/** Share of series whose interval holds the centre, plain and widened. */
function coverage(count: number, correlation: number): { plain: number; widened: number } {
  const holds = ({ lower, upper }: { lower: number; upper: number }) => Number(lower <= 0 && upper >= 0);
  const sums = { plain: 0, widened: 0 };
  for (let time = 0; time < 1000; time += 1) {
    const values = series(count, correlation);
    const estimate = signedRankEstimate(values, CONFIDENCE);
    sums.plain += holds(estimate) / 1000;
    sums.widened += holds(widenedBy(estimate, values)) / 1000;
  }
  return sums;
}

test('neighbours: 0 for unrelated, rising and few values are known by hand', () => {
  expect(neighbourCorrelation([1, 2, 1, 2, 1, 2])).toBe(0);
  expect(neighbourCorrelation([3, 3, 3, 3, 3, 3, 3])).toBe(0);
  expect(neighbourCorrelation([1, 2, 3, 4, 5])).toBe(0);
  // Deviations −3.5 … 3.5: squares 42, products 26.25; (0.625 · 7 + 1) / 4 is beyond 0.9.
  expect(neighbourCorrelation([1, 2, 3, 4, 5, 6, 7, 8])).toBe(0.9);
  const [sum, times] = [0.5, 400];
  const mean = Array.from({ length: times }, () => neighbourCorrelation(series(32, sum))).reduce(
    (a, b) => a + b,
  );
  expect(Math.abs(mean / times - sum)).toBeLessThan(0.03);
});

test('an interval holds the centre of related blocks about as often as it says', () => {
  const unrelated = coverage(16, 0);
  expect(unrelated.plain).toBeGreaterThan(0.93);
  expect(unrelated.widened).toBeGreaterThanOrEqual(unrelated.plain);
  const related = coverage(16, 0.7);
  process.stdout.write(
    `16 blocks, neighbours alike by 0.7: of 1,000 intervals ${Math.round(1000 * related.plain)} held the centre, widened ${Math.round(1000 * related.widened)}\n`,
  );
  expect(related.plain).toBeLessThan(0.7);
  expect(related.widened).toBeGreaterThan(0.85);
});

test('widening keeps the estimate, never narrows, and leaves an unbounded interval so', () => {
  const estimate = { estimate: 1, lower: 0.5, upper: 2 };
  expect(widenedBy(estimate, [1, 2, 1, 2, 1, 2])).toEqual(estimate);
  const { lower, upper } = widenedBy(estimate, [1, 2, 3, 4, 5, 6, 7, 8]);
  expect([lower, upper]).toEqual([1 - 0.5 * Math.sqrt(19), 1 + Math.sqrt(19)]);
  const unbounded = { estimate: 1, lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY };
  expect(widenedBy(unbounded, [1, 2, 3, 4, 5, 6, 7, 8])).toEqual(unbounded);
});

test('dependence: p as R gives it, halves by hand', () => {
  const rising = Array.from({ length: 12 }, (_, index) => ({ on: index, figure: index ** 2 }));
  // S = 66, variance 12 · 11 · 29 / 18: z = 65 / 14.583. cor.test(method = "kendall", exact = FALSE, continuity = TRUE).
  expect(dependenceOn(rising)?.p).toBeCloseTo(8.3e-6, 6);
  expect(dependenceOn(rising)).toMatchObject({ below: (4 + 9) / 2, above: (64 + 81) / 2 });
  expect(dependenceOn(rising.slice(0, 9))).toBeUndefined();
  const level = rising.map(({ on }) => ({ on, figure: 1 }));
  expect(dependenceOn(level)?.p).toBe(1);
});
