import { expect, test } from 'vitest';
import { normalQuantile } from './normal.ts';
import { seededRandom } from './random.ts';
import { normal } from './random-fixture.ts';
import { leastBlocks, levelsOfLooks, spentError } from './sequential.ts';

test('the bounds of two equal looks satisfy their definition', () => {
  // P(Z1 > a) = 0.0125, and P(Z1 ≤ a, Z2 > b) = 0.0125 with correlation √½: SciPy's multivariate_normal gives b = 2.1251.
  const [a = 0, b = 0] = levelsOfLooks(0.025, [0.5, 1]).map((level) => normalQuantile(1 - level));
  expect(a).toBeCloseTo(2.2414, 4);
  expect(b).toBeCloseTo(2.1251, 3);
});

test('one look has the whole level, and the levels of earlier looks do not depend on later ones', () => {
  expect(levelsOfLooks(0.01, [1])[0]).toBeCloseTo(0.01, 9);
  expect(spentError(0.01, 1)).toBeCloseTo(0.01, 12);
  const whole = levelsOfLooks(0.01, [0.25, 0.5, 1]);
  expect(levelsOfLooks(0.01, [0.25, 0.5])).toEqual(whole.slice(0, 2));
});

test('a true hypothesis is rejected at some look as often as the level says', () => {
  const random = seededRandom(3);
  const shares = [10, 14, 18, 24, 32, 40, 48].map((count) => count / 48);
  const bounds = levelsOfLooks(0.05, shares).map((level) => normalQuantile(1 - level));
  const draw = () => normal(random);
  let rejected = 0;
  const runs = 20_000;
  for (let run = 0; run < runs; run += 1) {
    let [sum, before] = [0, 0];
    const isOver = shares.some((share, look) => {
      sum += draw() * Math.sqrt(share - before);
      before = share;
      return sum / Math.sqrt(share) > (bounds[look] as number);
    });
    if (isOver) rejected += 1;
  }
  // Four standard errors.
  expect(Math.abs(rejected / runs - 0.05)).toBeLessThan(4 * Math.sqrt((0.05 * 0.95) / runs));
});

test('sign flips over 10 blocks reach 0.00098 and no less', () => {
  expect(leastBlocks(0.00098)).toBe(10);
  expect(leastBlocks(0.00076)).toBe(11);
});
