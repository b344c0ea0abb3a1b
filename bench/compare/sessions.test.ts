import { describe, expect, test } from 'vitest';
import { seededRandom } from '../stats/random.ts';
import { severalRuns, verdictOf } from './comparison-fixture.ts';
import { methodText } from './format.ts';
import { compareRuns } from './runs.ts';
import { datesOf, orderFault, type RunFile } from './sessions.ts';

const at = (start: string | undefined): RunFile => ({
  name: `${start}.csv`,
  rows: [start === undefined ? {} : { started_at: `2026-11-${start}:00.000Z` }],
});
const filesAt = (...starts: (string | undefined)[]) => starts.map(at);
const sessionsOf = (...starts: (string | undefined)[]) =>
  datesOf(filesAt(...starts), []).base.map(({ session }) => session);

describe('a session ends where no run starts for three hours', () => {
  test.each([
    [
      ['25T20:00', '25T20:30', '25T21:00'],
      [0, 0, 0],
    ],
    [
      ['25T23:30', '26T00:10', '26T03:05'],
      [0, 0, 0],
    ],
    [
      ['28T10:00', '25T20:00', '28T12:59'],
      [1, 0, 1],
    ],
    [
      ['25T08:00', '25T11:01', '25T14:02'],
      [0, 1, 2],
    ],
    [
      ['25T08:00', undefined, '28T08:00'],
      [0, 0, 0],
    ],
  ])('%j', (starts, sessions) => {
    expect(sessionsOf(...starts)).toEqual(sessions);
  });
});

describe('runs that did not take turns', () => {
  const fault = (base: readonly string[], head: readonly string[]) =>
    orderFault(datesOf(filesAt(...base), filesAt(...head)));

  test.each([
    ['all older', ['25T08:00', '25T08:10'], ['25T08:20', '25T08:30'], /all runs of one side are older/],
    ['all younger', ['25T08:20', '25T08:30'], ['25T08:00', '25T08:10'], /all runs of one side are older/],
    ['older in every session', ['25T08:00', '26T08:00'], ['25T08:10', '26T08:10'], /are older/],
    [
      'each of a day of its own',
      ['25T08:00', '27T08:00'],
      ['26T08:00', '28T08:00'],
      /no session has runs of both/,
    ],
  ])('%s', (_, base, head, words) => {
    expect(fault(base, head)).toMatch(words);
  });

  test.each([
    ['by turns', ['25T08:00', '25T08:20'], ['25T08:10', '25T08:30']],
    ['older in one session and younger in the other', ['25T08:00', '26T08:10'], ['25T08:10', '26T08:00']],
  ])('but not %s', (_, base, head) => {
    expect(fault(base, head)).toBeUndefined();
  });
});

describe('runs of two days, of which the second costs half as much again', () => {
  const dated = (files: readonly RunFile[], minute: number, costs: number, day: number): RunFile[] =>
    files.map(({ name, rows }, index) => ({
      name,
      rows: rows.map((row) => ({
        ...row,
        started_at: new Date(Date.UTC(2026, 10, day, 8, minute + 20 * index)).toISOString(),
        cpu_us_per_req_server: (row.cpu_us_per_req_server ?? 0) * costs,
        cpu_us_per_req_store: (row.cpu_us_per_req_store ?? 0) * costs,
      })),
    }));
  const side = (name: string, minute: number, factor: number, random: () => number) => {
    const runs = severalRuns(name, 6, { random, runScatter: 0.02, factor });
    return [...dated(runs.slice(0, 3), minute, 1, 25), ...dated(runs.slice(3), minute, 1.5, 28)];
  };
  const compared = (factor: number) => {
    const random = seededRandom(3);
    return compareRuns(side('a', 0, 1, random), side('b', 10, factor, random));
  };

  test('unchanged, are not called', () => {
    expect(['REGRESSED', 'IMPROVED']).not.toContain(verdictOf(compared(1), 'cpu_us_per_req'));
  });

  test('15 % more is shown: each run is compared with those of its day', () => {
    const comparison = compared(1.15);
    const cpu = comparison.findings.find(
      ({ metric, configuration }) => metric?.name === 'cpu_us_per_req' && configuration.store === 'redis',
    );
    expect(cpu?.evidence?.shift.estimate).toBeGreaterThan(0.1);
    expect(cpu?.evidence?.test.pUp).toBeCloseTo(1 / 400, 9);
    expect(methodText(comparison)).toBe('6 runs against 6, each within its session, of 2');
  });

  test('runs of a day that the other side lacks do not count', () => {
    const random = seededRandom(3);
    const [base, head] = [side('a', 0, 1, random), side('b', 10, 1.15, random)];
    const comparison = compareRuns(base, [
      ...head.slice(0, 3),
      ...dated(severalRuns('c', 3, { random, runScatter: 0.02 }), 0, 1, 20),
    ]);
    expect(comparison.findings[0]?.reason).toMatch(/^3 runs; a verdict needs 6/);
  });
});
