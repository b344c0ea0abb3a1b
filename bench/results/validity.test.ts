import { describe, expect, test } from 'vitest';
import { createHistogram, recordUs, summarize } from '../stats/histogram.ts';
import { seededRandom } from '../stats/random.ts';
import { achievedShare, finalBacklog, type OpenLoopFigures } from './open-loop.ts';
import { soundOperation } from './trial-fixture.ts';
import {
  hostReasons,
  instrumentReasons,
  latenessReasons,
  openLoopReasons,
  steadyReasons,
  wrongReplies,
} from './validity.ts';

describe('rule 1: no wrong replies', () => {
  test.each([
    ['all well', {}, undefined],
    ['4xx', { http4xx: 5, ok: 1995 }, '5 replies 4xx'],
    ['5xx', { http5xx: 1, ok: 1999 }, '1 replies 5xx'],
    ['wrong body', { checkFailed: 5, ok: 1995 }, '5 replies with a wrong body'],
    ['connections lost', { connErrors: 5, scheduled: 2005, sent: 2005 }, '5 connections lost'],
    ['timeouts', { timeouts: 5, scheduled: 2005, sent: 2005 }, '5 timeouts'],
    ['several', { http4xx: 1, http5xx: 2, ok: 1997 }, '1 replies 4xx, 2 replies 5xx'],
    ['nothing', { scheduled: 0, sent: 0, completed: 0, ok: 0 }, 'no request completed'],
    ['under way at the end', { scheduled: 2010, sent: 2010, inflightEnd: 10 }, undefined],
    ['dropped: rule 2 looks at these', { scheduled: 2005, dropped: 5 }, undefined],
    ['lost from the books', { scheduled: 2005, sent: 2005 }, '5 requests that are not accounted for'],
    ['counted twice', { scheduled: 1995, sent: 1995 }, '5 requests that are not accounted for'],
  ])('%s', async (_, change, reason) => {
    expect(wrongReplies(await soundOperation(change))).toEqual(reason === undefined ? [] : [reason]);
  });

  test('the first failure is reported', async () => {
    const failed = await soundOperation({ http5xx: 1 });
    expect(wrongReplies(failed, { firstFailure: 'GET /session: 503' })).toEqual([
      '1 replies 5xx; first: GET /session: 503',
    ]);
  });

  test.each([
    ['as predicted', { http4xx: 1333, unauthorized: 1333 }, true],
    ['5 points above', { http4xx: 1433, unauthorized: 1433 }, true],
    ['more', { http4xx: 1434, unauthorized: 1434 }, false],
    ['with another 4xx among them', { http4xx: 1333, unauthorized: 1332 }, false],
    ['with an outage among them', { http4xx: 1333, unauthorized: 1333, http5xx: 1 }, false],
  ])('misses that the traits predict: %s', async (_, change, isRight) => {
    const reasons = wrongReplies(await soundOperation(change), { missShare: 2 / 3 });
    expect(reasons.length === 0).toBe(isRight);
  });
});

describe('rule 2: the open loop kept up', () => {
  const sound: OpenLoopFigures = {
    offeredRps: 1000,
    scheduled: 10_000,
    completed: 10_000,
    backlogEnds: new Array(100).fill(0),
    meanResponseUs: 2000,
    lateness: { p95: 400, p99: 500 },
    response: { p95: 4000, p99: 5000 },
  };
  const ends = (count: number, late: number) => [
    ...new Array(100 - count).fill(0),
    ...new Array(count).fill(late),
  ];
  test.each([
    ['all well', {}, undefined],
    ['2 % lost', { completed: 9800 }, undefined],
    ['more lost', { completed: 9799 }, 'achieved 97.99 % of the offered 1,000 requests/s (limit 98 %)'],
    ['5 % lost', { completed: 9500 }, 'achieved 95 % of'],
    ['few waited in some last slices', { backlogEnds: ends(12, 5) }, undefined],
    ['some waited in most last slices', { backlogEnds: ends(13, 5) }, 'backlog still rising at the end: 5 '],
    ['as many waited in the first slices', { backlogEnds: ends(13, 5).reverse() }, undefined],
    ['the arrivals scatter', { backlogEnds: ends(25, 2) }, undefined],
    ['one long slice, 1 % left', { backlogEnds: [100] }, undefined],
    ['one long slice, more left', { backlogEnds: [101] }, 'backlog still rising at the end: 101 '],
    ['one short slice', { scheduled: 100, completed: 100, backlogEnds: [2] }, undefined],
    ['one short slice, much left', { scheduled: 100, completed: 100, backlogEnds: [11] }, 'rising'],
    ['under way as Little says', { outstandingEnds: new Array(100).fill(2) }, undefined],
    ['2 % more left over', { outstandingEnds: new Array(100).fill(4) }, undefined],
    ['5 % more left over', { outstandingEnds: new Array(100).fill(7) }, 'achieved 96.35 %'],
    ['slow, but keeping up', { meanResponseUs: 20_000, outstandingEnds: new Array(100).fill(20) }, undefined],
    [
      'far too slow for its slices',
      { meanResponseUs: 50_000, outstandingEnds: new Array(100).fill(23) },
      'achieved 97 %',
    ],
    ['late by 10 %', { lateness: { p99: 500 } }, undefined],
    ['later', { lateness: { p99: 501 } }, 'lateness of sending p99 501 µs (limit 500 µs'],
    ['too few for a p99, and not late', { lateness: { p95: 600 }, response: { p95: 6000 } }, undefined],
    [
      'too few for a p99, and late',
      { lateness: { p95: 601 }, response: { p95: 6000 } },
      'lateness of sending p95 601 µs (limit 600 µs',
    ],
    [
      'too few for a p99, late by less than matters',
      { lateness: { p95: 400 }, response: { p95: 400 } },
      undefined,
    ],
    ['nothing was due', { scheduled: 0, completed: 0 }, 'achieved 0 %'],
  ])('%s', (_, change, reason) => {
    const figures = { ...sound, ...change };
    const reasons = [...openLoopReasons(figures), ...latenessReasons(figures)];
    if (reason === undefined) expect(reasons).toEqual([]);
    else expect(reasons.join('; ')).toContain(reason);
  });

  test('what was dropped because the backlog was full is not counted twice', () => {
    expect(achievedShare({ ...sound, completed: 9900, backlogEnds: ends(100, 1) })).toBe(0.99);
  });

  test('the backlog of many slices is the median of the last quarter', () => {
    expect(finalBacklog({ scheduled: 8000, backlogEnds: [90, 90, 90, 90, 90, 90, 7, 9] })).toEqual({
      waiting: 8,
      limit: Math.sqrt(500),
    });
    expect(finalBacklog({ scheduled: 0, backlogEnds: [] }).waiting).toBe(0);
  });

  /** One server with exponential service times behind 64 connections, Poisson arrivals, 100 slices that drain. */
  function simulated(load: number, slicesSeconds: number, seed: number): OpenLoopFigures {
    const random = seededRandom(seed);
    const exponential = (mean: number) => -mean * Math.log(1 - random());
    const offeredRps = 2000;
    const [backlogEnds, outstandingEnds]: [number[], number[]] = [[], []];
    let [scheduled, totalSeconds] = [0, 0];
    for (let slice = 0; slice < 100; slice += 1) {
      let [due, free] = [exponential(1 / offeredRps), 0];
      const ends: number[] = [];
      let lastDue = 0;
      for (; due < slicesSeconds; due += exponential(1 / offeredRps)) {
        free = Math.max(due, free) + exponential(load / offeredRps);
        ends.push(free);
        totalSeconds += free - due;
        scheduled += 1;
        lastDue = due;
      }
      const outstanding = ends.filter((end) => end > lastDue).length;
      outstandingEnds.push(outstanding);
      backlogEnds.push(Math.max(0, outstanding - 64));
    }
    const meanResponseUs = (totalSeconds / scheduled) * 1e6;
    return {
      ...sound,
      offeredRps,
      scheduled,
      completed: scheduled,
      backlogEnds,
      outstandingEnds,
      meanResponseUs,
    };
  }

  test.each([
    [0.5, 0.1, true],
    [0.7, 0.1, true],
    [0.9, 1, true],
    [1.1, 0.1, false],
    [1.1, 1, false],
    [1.25, 0.1, false],
    [1.5, 0.1, false],
    [2, 0.02, false],
    [4, 0.02, false],
  ])('a simulated queue at %d of its capacity in slices of %d s: sound is %s', (load, seconds, isSound) => {
    const verdicts = Array.from({ length: 20 }, (_, seed) =>
      openLoopReasons(simulated(load, seconds, seed + 1)),
    );
    const found = verdicts.filter((reasons) => reasons.length === 0).length;
    const shares = [1, 2, 3].map((seed) => achievedShare(simulated(load, seconds, seed)).toFixed(3));
    console.info(
      `load ${load}, slices of ${seconds} s: ${found} of 20 runs sound, achieved ${shares.join(', ')}`,
    );
    expect(found).toBe(isSound ? 20 : 0);
  });
});

describe('rule 3: the instrument does not limit', () => {
  test.each([
    ['enough', { nullServerRps: 1300 }, []],
    ['too little', { nullServerRps: 1299 }, ['the generator reaches 1,299 requests/s here (needed 1,300']],
    ['not looked at', { nullServerRps: undefined }, []],
    ['balancer full', { bottleneck: 'balancer' }, ['the balancer is the bottleneck']],
    ['server full', { bottleneck: 'server' }, []],
  ])('%s', (_, change, expected) => {
    const reasons = instrumentReasons({
      offeredRps: 1000,
      nullServerRps: 5000,
      bottleneck: undefined,
      ...change,
    });
    expect(reasons).toEqual(expected.map((text) => expect.stringContaining(text)));
  });
});

describe('rule 4: the machine was there', () => {
  test.each([
    [{ stealShare: 0.05, foreignShare: 0.25 }, []],
    [{ stealShare: 0.051, foreignShare: 0 }, ['steal: the hypervisor gave 5.1 %']],
    [{ stealShare: 0, foreignShare: 0.251 }, ['other work took 25.1 % of the processors (limit 25 %)']],
    [{ stealShare: undefined, foreignShare: undefined }, []],
  ])('%j', (host, expected) => {
    expect(hostReasons(host)).toEqual(expected.map((text) => expect.stringContaining(text)));
  });
});

test('rule 5: a remaining trend is reported with its size', () => {
  expect(steadyReasons({ steady: true, trendPct: 9 })).toEqual([]);
  expect(steadyReasons({ steady: false, trendPct: 4 })[0]).toContain('changed by +4.0 %');
  expect(steadyReasons({ steady: false, trendPct: undefined })[0]).toContain('not steady');
});

describe('rule 6: samples for a percentile', () => {
  test.each([
    [999, false, [false, false]],
    [1000, false, [true, false]],
    [4999, true, [true, false]],
    [5000, true, [true, true]],
    [9999, false, [true, false]],
    [10_000, false, [true, true]],
  ])('%d, constant arrivals %s: p99 and p99.9 %j', (count, constantArrivals, expected) => {
    const times = createHistogram();
    for (let us = 1; us <= count; us += 1) recordUs(times, us);
    const { p99, p999 } = summarize(times, { constantArrivals });
    expect([p99 !== undefined, p999 !== undefined]).toEqual(expected);
  });
});
