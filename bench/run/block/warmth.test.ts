import { expect, test } from 'vitest';
import { seededRandom } from '../../stats/random.ts';
import { WARM_REQUESTS, warmthOf } from './warmth.ts';

const random = seededRandom(11);
/** Windows with uniform noise of ± `spread`, which fall by `fall` of the first from first to last. */
const windows = (count: number, spread: number, fall = 0) =>
  Array.from({ length: count }, (_, index) => {
    return 30_000 * (1 - (fall * index) / (count - 1)) * (1 + spread * (2 * random() - 1));
  });

test('an arm is warm after enough requests and even windows', () => {
  expect(warmthOf(windows(12, 0.01), WARM_REQUESTS)).toMatchObject({ state: 'warm', steady: true });
});

test.each([
  ['too few requests', windows(12, 0.01), WARM_REQUESTS - 1],
  ['too few windows', windows(11, 0), WARM_REQUESTS],
  ['a fall of 10 %', windows(12, 0.01, 0.1), WARM_REQUESTS],
  // A trend that nobody could show here: its absence is not shown either.
  ['noise that hides any trend', windows(12, 0.2), WARM_REQUESTS],
  ['a window that cannot be read', [...windows(11, 0.01), Number.NaN], WARM_REQUESTS],
])('an arm is cold with %s', (_, costs, requests) => {
  expect(warmthOf(costs, requests).state).toBe('cold');
});

test('more windows show through the same noise that it is even; the first half does not count', () => {
  const early = windows(60, 0, 0.5);
  expect(warmthOf(windows(12, 0.04), WARM_REQUESTS).state).toBe('cold');
  expect(warmthOf([...early, ...windows(60, 0.04)], WARM_REQUESTS).state).toBe('warm');
});
