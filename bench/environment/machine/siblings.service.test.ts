import { expect, test } from 'vitest';
import { SIBLING_FACTOR, slowDown, slowDownBy } from './siblings.ts';

/** A loop of 100 ms, which other work delays now and then, and a busy sibling always. */
function timer(factor: number) {
  let calls = 0;
  return (isOtherBusy: boolean) => {
    calls += 1;
    return Promise.resolve((isOtherBusy ? 100 * factor : 100) + (calls % 3 === 0 ? 80 : 0));
  };
}

test('two threads of one core slow each other down, two cores do not', async () => {
  await expect(slowDownBy(timer(1.6))).resolves.toBeGreaterThan(SIBLING_FACTOR);
  await expect(slowDownBy(timer(1.05))).resolves.toBeLessThan(SIBLING_FACTOR);
});

test('a processor shares a core with itself', async () => {
  await expect(slowDown(0, 0)).resolves.toBeGreaterThan(1.5);
}, 30_000);
