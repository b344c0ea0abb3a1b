import { expect, test } from 'vitest';
import { parseConfig } from './config.ts';
import { lifetimesOf } from './lifetimes.ts';
import type { RawOptions } from './values.ts';

const lifetimes = (raw: RawOptions) => lifetimesOf(parseConfig({ store: 'redis', ...raw }, {}));

test('a run has lifetimes longer than itself, unless sessions expire in it', () => {
  expect(lifetimes({})).toEqual({ idleSeconds: undefined, touchSeconds: undefined });
  expect(lifetimes({ touch: '0s' })).toEqual({ idleSeconds: undefined, touchSeconds: 0 });
  const { idleSeconds = 0, touchSeconds = 0 } = lifetimes({ expiring: '100001', duration: '90s' });
  // All of them can be made, and then half of the measured time is left.
  expect(idleSeconds).toBe(67 + 45);
  // The sessions of the load outlive the time in which the others are made.
  expect(touchSeconds).toBeLessThanOrEqual(idleSeconds / 4);
  expect(lifetimes({ expiring: '5000', duration: '12s', touch: '2s' }).touchSeconds).toBe(2);
});

test.each<[RawOptions, string]>([
  [{ touch: '10' }, 'Did you mean 10s?'],
  [{ touch: '1s', scenario: 'read,login' }, 'expected --scenario read with --touch, got --scenario login'],
  [{ touch: '1s', engine: 'autocannon' }, 'expected --engine slices with --touch, got --engine autocannon'],
  [{ touch: '1s', store: 'redis,iron-session' }, 'expected our backends with --touch, got iron-session'],
  [{ expiring: '0' }, 'from 1 to 1000000 for --expiring'],
  [{ expiring: '5', scenario: 'update', duration: '12s' }, 'expected --scenario read with --expiring'],
  [{ expiring: '5', duration: '11s' }, 'expected --duration of at least 12s with --expiring, got 11 s'],
  [
    { expiring: '5', duration: '12s', touch: '4s' },
    'of at most half the lifetime with --expiring, 3.5s, got 4 s',
  ],
  [{ churn: '5' }, 'expected --expiring with --churn, got --churn alone'],
])('%j is refused in one line', (raw, message) => {
  expect(() => parseConfig({ store: 'redis', ...raw }, {})).toThrow(message);
});
