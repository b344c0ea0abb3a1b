import { expect, test } from 'vitest';
import { binomialInterval, binomialUpperBound } from './binomial.ts';

/** From R 4.2.2: binom.test(x, n)$conf.int and binom.test(x, n, alternative = "less")$conf.int[2]. */
test.each([
  [0, 60, 0, 0.0596294923, 0.0487029133],
  [19, 20, 0.7512672372, 0.9987349105, 0.9974386212],
  [20, 20, 0.831566529, 1, 1],
  [3, 24, 0.026559315, 0.3236113582, 0.2922731965],
  [1, 7, 0.0036102969, 0.578723197, 0.5207029736],
])('%i of %i has the exact interval that R gives', (successes, trials, lower, upper, bound) => {
  const interval = binomialInterval(successes, trials, 0.95);
  expect(interval.lower).toBeCloseTo(lower, 9);
  expect(interval.upper).toBeCloseTo(upper, 9);
  expect(binomialUpperBound(successes, trials, 0.95)).toBeCloseTo(bound, 9);
});

test('nothing tried says nothing', () => {
  expect(binomialInterval(0, 0, 0.95)).toEqual({ lower: 0, upper: 1 });
});
