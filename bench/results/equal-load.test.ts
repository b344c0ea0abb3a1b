import { expect, test } from 'vitest';
import { equalLoadReasons, unequalLoadReason } from './equal-load.ts';
import type { Row } from './row.ts';

const row = (change: Row = {}): Row => ({
  ...{
    pass: 'equal-load',
    status: 'ok',
    target_rps: 4000,
    scheduled: 8000,
    completed: 8000,
    sends_per_pump: 1.02,
  },
  ...change,
});

test('arms at equal load have the same rate and the same batches', () => {
  expect(unequalLoadReason([row(), row({ completed: 7961, sends_per_pump: 1.04 })])).toBeUndefined();
  expect(unequalLoadReason([row(), row({ completed: 7958 })])).toBe(
    'unequal load: achieved rates differ by 0.5 % between arms (limit 0.5 %)',
  );
  expect(unequalLoadReason([row(), row({ sends_per_pump: 1.06 })])).toBe(
    'unequal load: requests sent together differ by 3.9 % between arms (limit 2 %)',
  );
});

test('the rule concerns no other pass', () => {
  expect(
    unequalLoadReason([row({ pass: 'latency' }), row({ pass: 'latency', completed: 1 })]),
  ).toBeUndefined();
});

test.each([
  // Servers and service together, on two processors; the busiest server alone.
  [{ server: 1.4e9, store: 0.9e9 }, 0.7e9, 2, []],
  [{ server: 1.5e9, store: 1.0e9 }, 0.7e9, 2, ['utilisation 63 % at equal load (limit 60 %)']],
  [{ server: 1.4e9, store: undefined }, 1.3e9, 4, ['utilisation 65 % at equal load (limit 60 %)']],
])('utilisation of %o, busiest %d ns, %d processors', (cpu, busiestServerNs, cores, reasons) => {
  const cpuNs = { balancer: undefined, ...cpu };
  expect(equalLoadReasons({ cpuNs, busiestServerNs, windowSeconds: 2 }, cores)).toEqual(reasons);
});
