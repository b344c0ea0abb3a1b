import { describe, expect, test } from 'vitest';
import type { LoadResult, OperationResult } from '../load/job.ts';
import { bottleneckOf } from './bottleneck.ts';
import type { Expectation, Observed } from './observed.ts';
import type { Row } from './row.ts';
import { rowsOf, rowWithout } from './rows.ts';
import {
  BASE,
  closedResult,
  EXPECTED,
  OBSERVED,
  openResult,
  soundOperation,
  TRIAL,
  timesUpTo,
} from './trial-fixture.ts';

interface Change {
  observed?: Partial<Observed>;
  expected?: Partial<Expectation>;
  base?: Row;
}

function rowFrom(result: LoadResult, { observed, expected, base }: Change = {}): Row {
  const rows = rowsOf(
    TRIAL,
    { ...BASE, ...base },
    result,
    { ...OBSERVED, ...observed },
    { ...EXPECTED, ...expected },
  );
  return rows[0] as Row;
}
const closedRow = async (operation: Partial<OperationResult> = {}, change: Change = {}) =>
  rowFrom(await closedResult(operation), change);
const OPEN: Row = { load_model: 'open-poisson', target_rps: 1000 };

describe('a row', () => {
  test('of a service that keeps nothing, or that is unproven, says so', async () => {
    const noteOf = async (store: string) =>
      rowsOf({ ...TRIAL, store }, { ...BASE, store }, await closedResult(), OBSERVED, EXPECTED)[0]?.note;
    expect(await noteOf('memcached')).toBe('a restart of Memcached loses all: it has no durability but none');
    expect(await noteOf('mongodb')).toBe('MongoDB is unproven: its suite has not run on a real server yet');
    expect(await noteOf('redis')).toBeUndefined();
  });

  test('has the CPU of processes elsewhere in place of what is here, or an empty cell that says why', async () => {
    const elsewhere = { role: 'store', from: 'machine', ns: 6e7, notes: [] } as const;
    const cpuNs = { ...OBSERVED.cpuNs, store: 1e9 };
    const known = await closedRow({}, { observed: { cpuNs, elsewhere } });
    expect(known).toMatchObject({ cpu_us_per_req_store: 30, cpu_us_per_req_server: 100 });
    expect(known.note).toBeUndefined();
    const unknown = await closedRow(
      {},
      {
        observed: { cpuNs, elsewhere: { ...elsewhere, ns: undefined, notes: ['no CPU from http://a: old'] } },
      },
    );
    expect(unknown).not.toHaveProperty('cpu_us_per_req_store');
    expect(unknown).toMatchObject({ valid: true, note: 'no CPU from http://a: old' });
  });

  test('holds figures per request sent, and times in µs', async () => {
    expect(await closedRow()).toMatchObject({
      scheduled: 2000,
      dropped: 0,
      rps_ok: 1000,
      cpu_us_per_req_server: 100,
      cpu_us_per_req_balancer: 50,
      cpu_us_per_req_generator: 50,
      idle_cpu_us_per_s: 2000,
      gc_us_per_req: 5,
      loop_delay_p99_us: 900,
      gen_cpu_pct: 5,
      req_bytes: 100,
      resp_bytes: 300,
      svc_p50_us: 1000,
      svc_max_us: 2000,
      warmup_s: 3,
      warmup_requests: 40_000,
      warmup_end: 'warm',
      cpu_trend_pct: 1.5,
      valid: true,
    });
  });

  test('has no cell for what does not exist or cannot be read, and no tail from too few samples', async () => {
    const row = await closedRow(
      {},
      {
        observed: {
          host: { stealShare: undefined, foreignShare: undefined },
          throttledNs: undefined,
          warmth: undefined,
        },
      },
    );
    for (const column of [
      'cpu_us_per_req_store',
      'store_commands_per_req',
      'rss_store_bytes',
      'svc_p999_us',
      'lat_p50_us',
      'backlog_max',
      'backlog_end',
      'gen_lag_p99_us',
      'steal_pct',
      'foreign_cpu_pct',
      'throttled_ms',
      'cpu_trend_pct',
      'cpu_us_per_req_net',
      'note',
      'invalid_reason',
    ]) {
      expect(row).not.toHaveProperty(column);
    }
    expect(row.svc_p99_us).toBe(1980);
    expect(Object.values(row)).not.toContain(undefined);
  });

  test('holds what the host did, as shares of 100', async () => {
    const observed = { host: { stealShare: 0.02, foreignShare: 0.05 }, throttledNs: 3e6 };
    expect(await closedRow({}, { observed })).toMatchObject({
      steal_pct: 2,
      foreign_cpu_pct: 5,
      throttled_ms: 3,
    });
  });

  test('of an open loop has response times, lateness and backlog beside the service times', async () => {
    const row = rowFrom(await openResult(), {
      base: OPEN,
      observed: { backlogEnds: [40, 0, 0, 0, 1, 0, 2, 3] },
    });
    expect(row).toMatchObject({
      lat_min_us: 1,
      lat_p50_us: 2000,
      lat_p99_us: 3961,
      lat_max_us: 4001,
      svc_p50_us: 1000,
      gen_lag_p99_us: 990,
      backlog_max: 12,
      backlog_end: 2.5,
    });
  });

  test('of an operation of a mix counts its own, and is as valid as the whole', async () => {
    const whole = await closedResult({ http5xx: 1, ok: 1999 });
    const read = await soundOperation({
      operation: 'read',
      ...{ scheduled: 1500, sent: 1500, completed: 1500, ok: 1500, histogram: await timesUpTo(1500) },
    });
    const rows = rowsOf(
      TRIAL,
      BASE,
      { ...whole, operations: [...whole.operations, read] },
      OBSERVED,
      EXPECTED,
    );
    expect(rows[1]).toMatchObject({ operation: 'read', scheduled: 1500, rps_ok: 750, valid: false });
    expect(rows[1]).not.toHaveProperty('cpu_us_per_req_server');
  });

  test('counts the requests in flight at the end, for their CPU is in the readings', async () => {
    const row = await closedRow({ scheduled: 2500, sent: 2500, inflightEnd: 500 });
    expect(row).toMatchObject({ cpu_us_per_req_server: 80, inflight_end: 500, valid: true });
  });

  test('accounts for every request that was due', async () => {
    const open = await openResult({
      scheduled: 2100,
      sent: 2050,
      completed: 2000,
      connErrors: 20,
      timeouts: 20,
      dropped: 50,
      inflightEnd: 10,
    });
    const row = rowFrom(open, { base: OPEN });
    const { completed = 0, conn_errors = 0, timeouts = 0, dropped = 0, inflight_end = 0 } = row;
    expect(row.scheduled).toBe(completed + conn_errors + timeouts + dropped + inflight_end);
    expect(row.invalid_reason).not.toContain('accounted');
  });

  test('with misses that the traits predict is valid, and says why', async () => {
    const expected = { missShare: 2 / 3 };
    const missed = { http4xx: 1333, unauthorized: 1333, ok: 667 };
    expect(await closedRow(missed, { expected })).toMatchObject({
      valid: true,
      note: expect.stringContaining('67 % missed'),
    });
  });

  test.each([
    [0.09, true, undefined],
    [0.11, true, '11 % of this machine'],
    [0.25, true, '25 % of this machine'],
    [0.26, false, undefined],
  ])('when others took %d of the processors: valid %s', async (foreignShare, valid, note) => {
    const row = await closedRow({}, { observed: { host: { stealShare: 0, foreignShare } } });
    expect(row.valid).toBe(valid);
    if (note !== undefined) expect(row.note).toContain(note);
    if (foreignShare < 0.1) expect(row).not.toHaveProperty('note');
  });

  test('without a completed request is invalid, and divides by nothing', async () => {
    const row = rowFrom({
      ...(await closedResult({ completed: 0, ok: 0, connErrors: 2000 })),
      durationSeconds: 0,
    });
    expect(row.valid).toBe(false);
    for (const column of ['cpu_us_per_req_server', 'rps_ok', 'gen_cpu_pct'])
      expect(row).not.toHaveProperty(column);
  });

  test('says all that is against it', async () => {
    const row = rowFrom(await openResult({ http5xx: 3, ok: 1997 }, { latenessUs: 2000 }), {
      base: OPEN,
      observed: {
        backlogEnds: [500],
        host: { stealShare: 0.06, foreignShare: 0.3 },
        warmth: { state: 'cold', seconds: 10, requestsPerServer: 40_000, trendPct: -4.25, steady: false },
        cpuNs: { server: 2e8, balancer: 1.9e9, store: undefined },
      },
      expected: { nullServerRps: 1250 },
    });
    expect(row.valid).toBe(false);
    expect(row.invalid_reason?.split('; ')).toEqual([
      'read: 3 replies 5xx',
      'achieved 75 % of the offered 1,000 requests/s (limit 98 %)',
      'backlog still rising at the end: 500 requests due and not sent (limit 45)',
      "lateness of sending p99 1,980 µs (limit 396 µs, 10 % of the response time's)",
      'the generator reaches 1,250 requests/s here (needed 1,300, 1.3 times the rate)',
      'the balancer is the bottleneck: its processor is full',
      'steal: the hypervisor gave 6 % of the processors to others (limit 5 %)',
      'other work took 30 % of the processors (limit 25 %)',
      'not steady: CPU per request still changed by −4.3 % at the end of the warm-up (limit 3 %)',
    ]);
  });

  test('of a failed trial has a reason and no figures', () => {
    expect(rowWithout(BASE, 'failed', 'why')).toEqual({
      ...BASE,
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
    // Two of four processors are theirs.
    ['host', { cpuNs: 1e9 }, { cpuNs: { ...idle, server: 2.2e9, store: 1.6e9 }, busiestServerNs: 1.5e9 }, 1],
    [undefined, { cpuNs: 1e9 }, { cpuNs: { ...idle, server: 1.5e9, store: 1.6e9 } }, 1],
    [
      'balancer',
      { cpuNs: 2e9, open: { lateness: '', backlogMax: 0, sendsPerPump: 1 } },
      { cpuNs: { ...idle, balancer: 2e9 } },
      1,
    ],
  ])('%s', (expected, generator, change, storeCores) => {
    const observed = { ...seen, ...change };
    const processors = { machine: 4, system: 2, store: storeCores };
    expect(bottleneckOf({ durationSeconds: 2, ...generator }, observed, processors)).toBe(expected);
  });
});
