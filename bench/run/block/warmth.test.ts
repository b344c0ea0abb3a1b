import { expect, test } from 'vitest';
import { seededRandom } from '../../stats/random.ts';
import { COLD_WINDOWS, MIN_WINDOWS, WARM_REQUESTS, warmthOf } from './warmth.ts';

const random = seededRandom(11);
const COLD = Array.from({ length: COLD_WINDOWS }, (_, index) => 120_000 / (index + 1));
/** Windows after the cold ones, with uniform noise of ± `spread`, which fall by `fall` from first to last. */
const windows = (count: number, spread: number, fall = 0) => [
  ...COLD,
  ...Array.from({ length: count }, (_, index) => {
    return 30_000 * (1 - (fall * index) / (count - 1)) * (1 + spread * (2 * random() - 1));
  }),
];

test('an arm is warm after enough requests and even windows, however cold it began', () => {
  expect(warmthOf(windows(MIN_WINDOWS, 0.005), WARM_REQUESTS)).toMatchObject({ state: 'warm', steady: true });
});

test.each([
  ['too few requests', windows(12, 0.005), WARM_REQUESTS - 1],
  ['too few windows', windows(MIN_WINDOWS - 1, 0), WARM_REQUESTS],
  ['a fall of 10 %', windows(12, 0.005, 0.1), WARM_REQUESTS],
  ['a window that cannot be read', [...windows(11, 0.01), Number.NaN], WARM_REQUESTS],
])('an arm is cold with %s', (_, costs, requests) => {
  expect(warmthOf(costs, requests).state).toBe('cold');
});

test('the change that is reported is the one that is judged', () => {
  // Even as a whole, with a fall at its end: a change below the limit was reported once, of a fall beyond it.
  const costs = [...windows(34, 0.001), ...windows(6, 0.001, 0.06).slice(COLD_WINDOWS)];
  const { steady, trendPct = 0 } = warmthOf(costs, WARM_REQUESTS);
  expect(Math.abs(trendPct)).toBeLessThan(3);
  expect(steady).toBe(true);
  const falling = warmthOf(windows(40, 0.001, 0.2), WARM_REQUESTS);
  expect(falling).toMatchObject({ state: 'cold', steady: false });
  expect(falling.trendPct).toBeLessThan(-3);
});

test('noise that could hide a trend leaves it unproven; more windows show that there is none', () => {
  expect(warmthOf(windows(8, 0.04), WARM_REQUESTS)).toMatchObject({ state: 'unproven', steady: true });
  expect(
    warmthOf([...windows(60, 0, 0.5), ...windows(60, 0.04).slice(COLD_WINDOWS)], WARM_REQUESTS).state,
  ).toBe('warm');
});
