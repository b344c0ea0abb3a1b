import { afterEach, expect, test } from 'vitest';
import { startTicker, type Ticker } from './ticker.ts';

let ticker: Ticker | undefined;
afterEach(async () => {
  await ticker?.close();
  ticker = undefined;
});

/** Ends when it has been called so often; the tests' own timeout is for what never comes. */
async function wakes(own: Ticker, count: number, next: (index: number) => number): Promise<number[]> {
  const earlyMs: number[] = [];
  await new Promise<void>((resolve) => {
    // The ticker itself keeps no process alive.
    const keepAlive = setInterval(() => undefined, 1_000);
    let atMs = 0;
    const go = (index: number) => {
      atMs = performance.now() + next(index);
      own.wakeAt(atMs);
    };
    own.onWake = () => {
      earlyMs.push(atMs - performance.now());
      if (earlyMs.length < count) return go(earlyMs.length);
      clearInterval(keepAlive);
      resolve();
    };
    go(0);
  });
  return earlyMs;
}

test('it wakes at each moment, near or far, never before, and none is lost', async () => {
  ticker = await startTicker();
  const waitsMs = [0, 0.01, 0.05, 0.079, 0.081, 0.1, 0.3, 1, 3];
  const early = await wakes(ticker, 1_000, (index) => waitsMs[index % waitsMs.length] as number);
  expect(early).toHaveLength(1_000);
  expect(Math.max(...early)).toBeLessThanOrEqual(0);
});

test('a moment in the past is now', async () => {
  ticker = await startTicker();
  expect(await wakes(ticker, 2, () => -5)).toHaveLength(2);
});

test('a later call replaces the one that is awaited, and cancel ends it', async () => {
  const own = await startTicker();
  ticker = own;
  let woken = 0;
  own.onWake = () => {
    woken += 1;
  };
  const now = performance.now();
  own.wakeAt(now + 100);
  own.wakeAt(now + 130);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(woken).toBe(1);
  own.wakeAt(performance.now() + 100);
  own.cancel();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(woken).toBe(1);
});
