import { expect, test } from 'vitest';
import type { Row } from '../results/row.ts';
import { blockSummary } from './block-summary.ts';

type Outcome = Parameters<typeof blockSummary>[0];

const blockOf = (rows: Readonly<Record<string, Row>>, failures: string[] = []): Outcome => ({
  failures,
  trials: Object.entries(rows).map(([store, row]) => ({
    trial: { store, options: {} } as unknown as Outcome['trials'][number]['trial'],
    rows: [row],
    histograms: [],
  })) as unknown as Outcome['trials'],
});
const fast: Row = { status: 'ok', valid: true, rps_ok: 1234.4 };
const spoilt = (reason: string): Row => ({ ...fast, valid: false, invalid_reason: reason });

test('arms with their throughput', () => {
  expect(blockSummary(blockOf({ none: fast, memory: { ...fast, rps_ok: 99.6 } }))).toBe(
    'none 1234/s, memory 100/s',
  );
});

test('a reason that all share stands once', () => {
  const busy = spoilt('other work took 40 %');
  expect(blockSummary(blockOf({ none: busy, memory: busy }))).toBe('INVALID: other work took 40 %');
});

test('reasons of single arms stand with their names, and not at those that fell with them', () => {
  const late = spoilt('late');
  const rows = {
    none: late,
    memory: spoilt('block dropped: none: late'),
    redis: late,
    postgres: spoilt('cold'),
  };
  expect(blockSummary(blockOf(rows))).toBe('none, redis INVALID: late, postgres INVALID: cold');
});

test('what was not measured says why, and a failure goes before everything', () => {
  const unsupported: Row = { status: 'unsupported', invalid_reason: 'no cookie holds it' };
  expect(blockSummary(blockOf({ none: fast, jwt: unsupported }))).toMatch(
    /^none 1234\/s, jwt\S* unsupported: no cookie/,
  );
  expect(blockSummary(blockOf({ none: fast }, ['it broke']))).toBe('it broke');
});
