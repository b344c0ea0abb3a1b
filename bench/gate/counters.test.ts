import { expect, test } from 'vitest';
import { counterSummary, findingsOf } from './counters.ts';
import type { Counts } from './counts.ts';

const COUNTS: Counts = {
  ...{ trips: 1, reads: 2, writes: 2, bytesRead: 437, bytesWritten: 619, waits: 0.7, loopTurns: 2 },
};
const block = (head: Partial<Counts>, base: Partial<Counts> = {}) => [
  { cell: 'redis', side: 'base' as const, counts: { ...COUNTS, ...base } },
  { cell: 'redis', side: 'head' as const, counts: { ...COUNTS, ...head } },
];
const verdictsOf = (...heads: Partial<Counts>[]) =>
  Object.fromEntries(
    findingsOf(heads.map((head) => block(head))).map(({ counter, verdict }) => [counter, verdict]),
  );

test('one more in every block is MORE, and is named', () => {
  const findings = findingsOf([1, 2, 3].map(() => block({ trips: 2, writes: 3 })));
  expect(counterSummary(findings)).toBe(
    'MORE: redis round trips to the service 1.00 to 2.00; redis write calls 2.00 to 3.00',
  );
});

test('what is within half a per cent, or more in some blocks only, is equal', () => {
  expect(verdictsOf({ reads: 2.009 }, { reads: 2.009 }, { reads: 2.009 })['reads']).toBe('equal');
  expect(verdictsOf({ reads: 3 }, { reads: 2 }, { reads: 3 })['reads']).toBe('equal');
  expect(verdictsOf({ reads: 1 }, { reads: 1 }, { reads: 1 })['reads']).toBe('LESS');
});

test('waits and turns of the loop inform', () => {
  expect(verdictsOf({ waits: 9, loopTurns: 9 })).toMatchObject({ waits: 'informs', loopTurns: 'informs' });
});

test('a counter that one side does not report is left out', () => {
  const counters = findingsOf([block({}, { loopTurns: undefined })]).map(({ counter }) => counter);
  expect(counters).toContain('trips');
  expect(counters).not.toContain('loopTurns');
});
