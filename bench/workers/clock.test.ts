import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Exchange, offsetOf } from './clock.ts';

test('the offset of a clock is right within its error, however long either way takes', () => {
  const ms = fc.double({ min: 0, max: 500, noNaN: true });
  const trips = fc.array(fc.tuple(ms, ms), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), trips, (aheadMs, delays) => {
      const exchanges = delays.map(([there, back], index): Exchange => {
        const sentMs = 1_700_000_000_000 + index * 1_000;
        return { sentMs, otherMs: sentMs + there + aheadMs, receivedMs: sentMs + there + back };
      });
      const offset = offsetOf(exchanges);
      // Rounding of numbers of this size.
      expect(Math.abs((offset?.aheadMs ?? Number.NaN) - aheadMs)).toBeLessThan((offset?.errorMs ?? 0) + 0.01);
      const shortest = Math.min(...delays.map(([there, back]) => there + back));
      expect(offset?.errorMs).toBeCloseTo(shortest / 2, 2);
    }),
  );
});

test('without a reply it is not known', () => {
  expect(offsetOf([])).toBeUndefined();
});
