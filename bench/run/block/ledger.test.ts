import { expect, test } from 'vitest';
import { type CpuReading, createLedger, idleRate } from './ledger.ts';

const reading = (
  atMs: number,
  server: number,
  balancer: number | undefined,
  store: number | undefined,
): CpuReading => {
  return { atMs, servers: [server, server * 2], balancer, store };
};

test('an account runs to the next turn, and the idle CPU of the time between is taken off', () => {
  const ledger = createLedger(false);
  // A slice of 100 ms, then 900 ms in which 20 ms of work put off are done.
  ledger.charge(reading(0, 0, 0, 0), reading(100, 50e6, 10e6, 5e6), reading(1000, 70e6, 10e6, 6e6));
  const idle = idleRate(reading(0, 0, 0, 0), reading(1000, 1e6, 0, 1e6));
  const spent = ledger.spent(idle);
  expect(spent.server).toBeCloseTo(70e6 + 140e6 - 0.9 * 3e6, 3);
  expect(spent.busiestServer).toBeCloseTo(140e6 - 0.9 * 2e6, 3);
  expect(spent.balancer).toBe(10e6);
  expect(spent.store).toBeCloseTo(6e6 - 0.9e6, 3);
});

test('a service that all arms share is charged for the slices alone', () => {
  const ledger = createLedger(true);
  ledger.charge(reading(0, 0, 0, 100), reading(100, 0, 0, 107), reading(1000, 0, 0, 900));
  ledger.charge(reading(1000, 0, 0, 900), reading(1100, 0, 0, 903), reading(2000, 0, 0, 2000));
  expect(ledger.spent(undefined).store).toBe(10);
});

test('what cannot be read stays unknown, and never becomes 0', () => {
  const ledger = createLedger(false);
  ledger.charge(
    reading(0, 0, undefined, undefined),
    reading(1, 0, undefined, undefined),
    reading(2, 5, undefined, undefined),
  ); // prettier-ignore
  expect(ledger.spent(undefined)).toEqual({
    server: 15,
    busiestServer: 10,
    balancer: undefined,
    store: undefined,
  });
});
