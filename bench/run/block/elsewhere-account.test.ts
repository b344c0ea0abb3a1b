import { describe, expect, test } from 'vitest';
import type { CpuReading } from '../../environment/exporter/scrape.ts';
import { accountOf, requestCost, type Span } from './elsewhere-account.ts';

/** CPU in ms by series. */
const reading = (
  atMs: number,
  cpuMs: Record<string, number>,
  more: Partial<CpuReading> = {},
): CpuReading => ({
  atMs,
  ns: new Map(Object.entries(cpuMs).map(([series, ms]) => [series, ms * 1e6])),
  stepNs: 1e7,
  ...more,
});
const span = (from: number, to: number, used: number, stepNs = 1e7): Span => ({
  start: reading(from, { user: 1_000, system: 500 }, { stepNs }),
  end: reading(to, { user: 1_000 + used, system: 500 }, { stepNs }),
});

describe('what the load used on another machine', () => {
  test('is what was added, less what the same time costs idle', () => {
    const account = accountOf({
      load: [span(0, 10_000, 4_000)],
      idle: span(10_000, 13_000, 150),
      requestNs: 0,
    });
    // 4 s, less 50 ms a second.
    expect(account).toEqual({ ns: 3_500e6 });
  });

  test('of slices by turns is their sum, without one request of the exporter in each', () => {
    const slices = Array.from({ length: 20 }, (_, turn) => span(turn * 1_000, turn * 1_000 + 500, 410));
    const account = accountOf({ load: slices, idle: span(20_000, 23_000, 310), requestNs: 10e6 });
    // 20 × (410 − 10) ms, less 100 ms a second of 10 s.
    expect(account).toEqual({ ns: 7_000e6 });
  });

  test.each<[string, Parameters<typeof accountOf>[0], RegExp]>([
    [
      'a counter that fell, though others rose',
      {
        load: [
          { start: reading(0, { user: 900, system: 9 }), end: reading(9_000, { user: 5_000, system: 1 }) },
        ],
        idle: span(9_000, 12_000, 0),
        requestNs: 0,
      },
      /a counter began anew/,
    ],
    [
      'another container of the same name',
      {
        load: [{ start: reading(0, { old: 900 }), end: reading(9_000, { new: 5_000 }) }],
        idle: span(9_000, 12_000, 0),
        requestNs: 0,
      },
      /a counter began anew/,
    ],
    [
      'a load that is lost in the steps of the counters',
      { load: [span(0, 1_000, 60)], idle: span(1_000, 4_000, 0), requestNs: 0 },
      /used 60 ± \d+ ms above idle, too little/,
    ],
    [
      'a load that costs no more than none',
      { load: [span(0, 10_000, 100)], idle: span(10_000, 13_000, 300), requestNs: 0 },
      /used 0 ± \d+ ms above idle/,
    ],
    [
      'nothing at all, by fine counters',
      { load: [span(0, 10_000, 0, 0)], idle: span(10_000, 13_000, 0, 0), requestNs: 0 },
      /no more than idle time does/,
    ],
  ])('is not known, and never 0: %s', (_, readings, reason) => {
    expect(accountOf(readings)).toEqual({ reason: expect.stringMatching(reason) });
  });

  /** Values that were `ageMs` old when they were asked for, by a clock that is an hour ahead. */
  const old = (atMs: number, ageMs: number, usedMs: number) =>
    reading(atMs, { cpu: usedMs }, { takenAtMs: atMs - ageMs + 3_600_000, stepNs: 0 });

  test('of cached values is known where the load is long beside their age', () => {
    const idle = { start: old(120_000, 100, 30_000), end: old(131_000, 100, 31_100) };
    const load = [{ start: old(0, 4_000, 0), end: old(100_000, 5_000, 29_000) }];
    const account = accountOf({ load, idle, requestNs: 0 });
    // 29 s, less 100 ms a second.
    expect(account).toEqual({ ns: 19_000e6 });
  });

  test('of cached values is not known where it is short', () => {
    const idle = { start: old(20_000, 100, 3_000), end: old(31_000, 100, 4_100) };
    const load = [{ start: old(0, 4_100, 0), end: old(10_000, 6_100, 2_000) }];
    expect(accountOf({ load, idle, requestNs: 0 })).toEqual({
      reason: 'its samples are up to 6.0 s old, too coarse for 10.0 s of load',
    });
  });

  test('of values that never changed is not known', () => {
    const same = (atMs: number) => reading(atMs, { cpu: 5 }, { takenAtMs: 1_000, stepNs: 0 });
    const load = [{ start: same(0), end: same(500) }];
    const idle = { start: same(500), end: same(600) };
    expect(accountOf({ load, idle, requestNs: 0 })).toMatchObject({ reason: expect.anything() });
  });
});

test('what a request costs its machine: by twenty in a row, less idle use', () => {
  // Idle 50 ms a second and one request of 8 ms; twenty requests in half a second.
  const [idle, burst] = [span(0, 3_000, 158), span(3_000, 3_500, 185)];
  expect(requestCost(idle, burst, 20) / 1e6).toBeCloseTo(8, 6);
  expect(requestCost(span(0, 3_000, 900), span(3_000, 3_500, 0), 20)).toBe(0);
});
