import { beforeAll, describe, expect, test } from 'vitest';
import type { LoadResult, OperationResult } from '../load/job.ts';
import type { Trial } from '../plan.ts';
import { createHistogram, encodeHistogram, recordUs } from '../stats/histogram.ts';
import type { Row } from './row.ts';
import { bottleneckOf, type Observed, rowsOf, rowWithout } from './rows.ts';

const trial: Trial = {
  arm: 'memory[durability=second]',
  store: 'memory',
  options: {},
  variant: 'durability=second',
  servers: 3,
  affinity: 'round-robin',
  scenario: 'read',
  payloadBytes: 256,
  block: 1,
  orderIndex: 0,
};
const base: Row = { store: 'memory', servers: 3, cpu_count: 2 };
const observed: Observed = {
  windowSeconds: 2,
  cpuNs: { server: 2e8, balancer: 1e8, store: undefined },
  busiestServerNs: 1e8,
  machineBusyNs: 3e9,
  roundTrips: undefined,
  rssServerBytes: 1e8,
  rssStoreBytes: undefined,
};
let histogram = '';
beforeAll(async () => {
  const times = createHistogram();
  for (let i = 1; i <= 2000; i += 1) recordUs(times, i);
  histogram = await encodeHistogram(times);
});

function result(change: Partial<OperationResult> = {}): LoadResult {
  const all: OperationResult = {
    operation: 'all',
    sent: 2000,
    completed: 2000,
    ok: 2000,
    http4xx: 0,
    unauthorized: 0,
    http5xx: 0,
    checkFailed: 0,
    connErrors: 0,
    timeouts: 0,
    inflightEnd: 0,
    requestBytes: 2000 * 100,
    responseBytes: 2000 * 300,
    histogram,
    ...change,
  };
  return { durationSeconds: 2, operations: [all], cpuNs: 1e8 };
}
const rowOf = (change?: Partial<OperationResult>, missShare = 0, foreignShare = 0) =>
  rowsOf(trial, base, result(change), observed, {
    missShare,
    storeCores: 1,
    tokenLifetimeSeconds: 5,
    foreignShare,
  })[0] as Row;

describe('a row', () => {
  test('holds figures per completed request, and times in µs', () => {
    expect(rowOf()).toMatchObject({
      rps_ok: 1000,
      cpu_us_per_req_server: 100,
      cpu_us_per_req_balancer: 50,
      cpu_us_per_req_generator: 50,
      gen_cpu_pct: 5,
      req_bytes: 100,
      resp_bytes: 300,
      svc_p50_us: 1000,
      svc_max_us: 2000,
      valid: true,
    });
  });

  test('has no cell for what does not exist, and no tail from too few samples', () => {
    const row = rowOf();
    for (const column of [
      'cpu_us_per_req_store',
      'store_commands_per_req',
      'rss_store_bytes',
      'svc_p999_us',
      'lat_p50_us',
      'note',
      'invalid_reason',
    ]) {
      expect(row).not.toHaveProperty(column);
    } // prettier-ignore
    expect(row.svc_p99_us).toBe(1980);
  });

  test.each([
    ['http4xx', '5 replies 4xx'],
    ['http5xx', '5 replies 5xx'],
    ['checkFailed', '5 replies with a wrong body'],
    ['connErrors', '5 connections lost'],
    ['timeouts', '5 timeouts'],
  ] as const)('with %s in a healthy scenario is invalid', (kind, reason) => {
    const row = rowOf({ [kind]: 5 });
    expect(row.valid).toBe(false);
    expect(row.invalid_reason).toContain(reason);
  });

  test('with misses that the traits predict is valid, and says why', () => {
    const row = rowOf({ http4xx: 1333, unauthorized: 1333, ok: 667 }, 2 / 3);
    expect(row).toMatchObject({ valid: true, note: expect.stringContaining('67 % missed') });
    expect(rowOf({ http5xx: 1 }, 2 / 3).valid).toBe(false);
    expect(rowOf({ http4xx: 1333, unauthorized: 1300, ok: 667 }, 2 / 3).valid).toBe(false);
    expect(rowOf({ http4xx: 2000, unauthorized: 2000, ok: 0 }, 2 / 3).valid).toBe(false);
  });

  test('counts the requests under way at the end, for their CPU is in the readings', () => {
    expect(rowOf({ sent: 2500, inflightEnd: 500 })).toMatchObject({
      cpu_us_per_req_server: 80,
      inflight_end: 500,
    });
  });

  test('names the work of others', () => {
    expect(rowOf({}, 0, 0.05)).not.toHaveProperty('note');
    expect(rowOf({}, 0, 0.4).note).toContain('40 % of this machine');
  });

  test('without a completed request is invalid, and divides by nothing', () => {
    const row = rowOf({ completed: 0, ok: 0 });
    expect(row.valid).toBe(false);
    expect(row).not.toHaveProperty('cpu_us_per_req_server');
  });

  test('of a failed trial has a reason and no figures', () => {
    expect(rowWithout(base, 'failed', 'why')).toEqual({
      ...base,
      operation: 'all',
      status: 'failed',
      valid: false,
      invalid_reason: 'why',
    });
  });
});

describe('the bottleneck', () => {
  const idle = { server: 0, balancer: 0, store: 0 };
  const seen = { windowSeconds: 2, busiestServerNs: 0, machineBusyNs: 0, cpuNs: idle };
  test.each([
    ['generator', { cpuNs: 1.9e9 }, { cpuNs: { ...idle, balancer: 2e9 }, machineBusyNs: 8e9 }, 1],
    ['balancer', { cpuNs: 1e9 }, { cpuNs: { ...idle, balancer: 1.9e9 }, machineBusyNs: 8e9 }, 1],
    ['store', { cpuNs: 1e9 }, { cpuNs: { ...idle, store: 1.9e9 } }, 1],
    ['host', { cpuNs: 1e9 }, { cpuNs: { ...idle, store: 1.9e9 }, machineBusyNs: 7.9e9 }, Infinity],
    ['server', { cpuNs: 1e9 }, { cpuNs: { ...idle, server: 2e9 }, busiestServerNs: 1.9e9 }, 1],
    ['host', { cpuNs: 1e9 }, { machineBusyNs: 7.9e9 }, 1],
    [undefined, { cpuNs: 1e9 }, { machineBusyNs: 4e9 }, 1],
  ])('%s', (expected, generator, change, storeCores) => {
    const observed = { ...seen, ...change };
    expect(bottleneckOf({ durationSeconds: 2, ...generator }, observed, storeCores, 4)).toBe(expected);
  });
});
