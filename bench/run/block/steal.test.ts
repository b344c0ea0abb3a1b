import { expect, test } from 'vitest';
import { openHost } from '../../environment/machine/host.ts';
import { watchSteal } from './steal.ts';

/** A machine of one processor, read each half second, of which others take this share at these times. */
function watched(shares: readonly (number | undefined)[]) {
  let [atMs, stealNs] = [0, 0 as number | undefined];
  const { sharesBetween } = openHost('/nowhere');
  const watch = watchSteal({
    read: () => ({ atMs, busyNs: undefined, stealNs, throttledNs: undefined }),
    sharesBetween,
  });
  watch.look();
  for (const share of shares) {
    atMs += 500;
    stealNs = share === undefined || stealNs === undefined ? undefined : stealNs + share * 500e6;
    watch.look();
  }
  return watch.isTaken();
}
const times = (count: number, share: number | undefined) => Array.from({ length: count }, () => share);

test('the processors are taken while others have more than 5 % of them, and three seconds later no more', () => {
  expect(watched(times(8, 0))).toBe(false);
  expect(watched(times(8, 0.04))).toBe(false);
  expect(watched(times(8, 0.06))).toBe(true);
  expect(watched([...times(8, 0), ...times(2, 0.4)])).toBe(true);
  expect(watched([...times(40, 0.4), ...times(5, 0)])).toBe(true);
  expect(watched([...times(40, 0.4), ...times(6, 0)])).toBe(false);
});

test('unknown, or not looked at, is not taken', () => {
  expect(watched([])).toBe(false);
  expect(watched(times(8, undefined))).toBe(false);
});
