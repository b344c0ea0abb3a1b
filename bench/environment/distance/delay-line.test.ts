import { expect, test } from 'vitest';
import { createDelayLine } from './delay-line.ts';

const nothing = (): void => undefined;

/** A line on a clock that the test moves; `wake` is what its ticker would do. */
function lineOf(delayMs: number) {
  let nowMs = 0;
  let wokenAtMs: number | undefined;
  const ticker = {
    onWake: nothing,
    wakeAt(atMs: number) {
      wokenAtMs = atMs;
    },
  };
  const line = createDelayLine(delayMs, ticker, () => nowMs);
  const released: string[] = [];
  const push = (name: string) => line.push(() => void released.push(`${name} ${nowMs}`));
  return {
    released,
    pushAt(atMs: number, name: string) {
      nowMs = atMs;
      push(name);
    },
    /** Moves the clock to the next wake, and `lateMs` beyond. */
    wake(lateMs = 0) {
      if (wokenAtMs === undefined) throw new Error('the ticker was not set');
      nowMs = wokenAtMs + lateMs;
      wokenAtMs = undefined;
      ticker.onWake();
      return wokenAtMs;
    },
  };
}

test('each is released after the delay, by itself and in order', () => {
  const { released, pushAt, wake } = lineOf(2.5);
  pushAt(0, 'a');
  pushAt(0.1, 'b');
  pushAt(0.1, 'c');
  expect(wake()).toBe(2.6);
  expect(released).toEqual(['a 2.5']);
  expect(wake()).toBeUndefined();
  expect(released).toEqual(['a 2.5', 'b 2.6', 'c 2.6']);
  pushAt(9, 'd');
  wake();
  expect(released.at(-1)).toBe('d 11.5');
});

test('a late wake releases all that is due, and nothing before its time', () => {
  const { released, pushAt, wake } = lineOf(1);
  for (const atMs of [0, 0.2, 0.4, 3]) pushAt(atMs, `${atMs}`);
  expect(wake(0.3)).toBe(1.4);
  expect(released).toEqual(['0 1.3', '0.2 1.3']);
  expect(wake()).toBe(4);
});

test('thousands keep their order, however often the line is tidied', () => {
  const { released, pushAt, wake } = lineOf(1);
  for (let index = 0; index < 5_000; index += 1) pushAt(index / 1_000, `${index}`);
  for (let next: number | undefined = 0; next !== undefined; ) next = wake();
  expect(released.map((text) => Number(text.split(' ')[0]))).toEqual(
    Array.from({ length: 5_000 }, (_, index) => index),
  );
});

test('without delay nothing waits', () => {
  const { released, pushAt } = lineOf(0);
  pushAt(7, 'a');
  expect(released).toEqual(['a 7']);
});
