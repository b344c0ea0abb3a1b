import { afterEach, describe, expect, test } from 'vitest';
import { decodeHistogram, summarize } from '../stats/histogram.ts';
import { createArrivals } from './arrivals.ts';
import { closeAll, expectAccounted, get, loopOn, reply, serveHttp, serveRaw } from './loop-fixture.ts';
import { resultsOf } from './tally.ts';

/** The open loop: what is due, when it is sent, and from when its time counts. */
afterEach(closeAll);

const constant = (ratePerSecond: number) => ({ model: 'open', ratePerSecond, arrivals: 'constant' }) as const;
const poisson = (ratePerSecond: number) => ({ model: 'open', ratePerSecond, arrivals: 'poisson' }) as const;
const us = (text: string | undefined) => summarize(decodeHistogram(text ?? ''));

describe('arrivals', () => {
  const timesOf = (seed: number, kind: 'poisson' | 'constant', rate: number, slices: number[]) => {
    const arrivals = createArrivals(seed);
    const times: number[] = [];
    let startMs = 0;
    for (const lengthMs of slices) {
      arrivals.begin(rate, kind);
      for (; arrivals.nextMs < lengthMs; arrivals.advance()) times.push(startMs + arrivals.nextMs);
      arrivals.end(lengthMs);
      startMs += lengthMs;
    }
    return times;
  };

  test.each(['constant', 'poisson'] as const)('%s: slices are cut out of one sequence', (kind) => {
    const whole = timesOf(7, kind, 100, [2_000]);
    const cut = timesOf(7, kind, 100, Array<number>(200).fill(10));
    expect(cut).toHaveLength(whole.length);
    for (const [index, time] of cut.entries()) expect(time).toBeCloseTo(whole[index] as number, 6);
    expect(timesOf(8, kind, 100, [2_000])).not.toEqual(whole);
  });

  test('constant ones are 1/rate apart, as many as the rate says', () => {
    const times = timesOf(1, 'constant', 250, [1_000]);
    expect(times).toHaveLength(250);
    for (const [index, time] of times.slice(1).entries())
      expect(time - (times[index] as number)).toBeCloseTo(4);
  });

  test('poisson: gaps are exponential', () => {
    const times = timesOf(1, 'poisson', 1_000, [100_000]);
    const gaps = times.slice(1).map((time, index) => time - (times[index] as number));
    const mean = gaps.reduce((sum, gap) => sum + gap) / gaps.length;
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
    // Of the exponential distribution mean and standard deviation are equal; 100,000 gaps tell within 1 %.
    expect(mean).toBeCloseTo(1, 1.5);
    expect(Math.sqrt(variance)).toBeCloseTo(1, 1.5);
    expect(gaps.filter((gap) => gap > 1).length / gaps.length).toBeCloseTo(Math.exp(-1), 1.5);
  });
});

test('as many requests are due as the rate says, over slices, and each gets a reply', async () => {
  const { url } = await serveHttp((path, response) => response.end(path));
  const loop = loopOn(url, [get('/a')]);
  let scheduled = 0;
  for (let round = 0; round < 10; round += 1) scheduled += (await loop.run(0.03, constant(500))).scheduled;
  expect(scheduled).toBe(150);
  const totals = loop.take();
  const [all] = await resultsOf(totals.tallies);
  expect([all?.ok, all?.scheduled]).toEqual([150, 150]);
  expect(totals.seconds).toBeGreaterThan(0.2999);
  expect(us(all?.response).min).toBeGreaterThan(0);
  expect(totals.open?.lateness.totalCount).toBe(150);
});

test('time counts from when a request was due: waiting for a connection is slow, not late', async () => {
  const { url } = await serveHttp((path, response) => void setTimeout(() => response.end(path), 50));
  const loop = loopOn(url, [get('/a')], { connections: 1 });
  // Due every 10 ms, answered every 50: the 50th waits for about two seconds.
  const { backlogEnd, seconds } = await loop.run(0.5, constant(100));
  const totals = loop.take();
  const [all] = await resultsOf(totals.tallies);
  expect(all?.ok).toBe(50);
  expect(backlogEnd).toBeGreaterThanOrEqual(35);
  expect(totals.open?.backlogMax).toBeGreaterThanOrEqual(backlogEnd);
  expect(seconds).toBeGreaterThan(2.4);
  expect(us(all?.histogram).p50).toBeLessThan(us(all?.response).p50 as number);
  expect(us(all?.response).p50).toBeGreaterThan(900_000);
  expect(us(all?.response).max).toBeGreaterThan(1_900_000);
  const latenessUs = summarize(totals.open?.lateness ?? decodeHistogram('')).p50;
  expect(latenessUs).toBeLessThan((us(all?.response).p50 as number) / 10);
});

test('a full backlog drops what comes, and counts it', async () => {
  const { url } = await serveHttp((path, response) => void setTimeout(() => response.end(path), 50));
  const loop = loopOn(url, [get('/a')], { connections: 1, maxBacklog: 5 });
  await loop.run(0.5, constant(200));
  const totals = loop.take();
  const [all] = await resultsOf(totals.tallies);
  if (all === undefined) throw new Error('no results');
  expectAccounted(all);
  expect(all.scheduled).toBe(100);
  expect(all.dropped).toBeGreaterThan(60);
  expect(all.sent).toBe(100 - all.dropped);
  expect(totals.open?.backlogMax).toBe(5);
});

test('all connections take their turns, however slowly requests come and however short slices are', async () => {
  const seen = new Map<unknown, number>();
  const { url } = await serveHttp((path, response, socket) => {
    seen.set(socket, (seen.get(socket) ?? 0) + 1);
    response.end(path);
  });
  const loop = loopOn(url, [get('/a')], { connections: 8 });
  for (let round = 0; round < 8; round += 1) await loop.run(0.02, constant(100));
  expect([...seen.values()]).toEqual(Array(8).fill(2));
});

test('a stall shows in the response times of all requests that were due in it', async () => {
  let isStalled = false;
  const held: (() => void)[] = [];
  const { url } = await serveRaw((socket, request) => {
    const answer = () => socket.write(reply(request.split(' ')[1] ?? ''));
    if (isStalled) held.push(answer);
    else answer();
  });
  const loop = loopOn(url, [get('/a')], { connections: 4 });
  setTimeout(() => {
    isStalled = true;
    setTimeout(() => {
      isStalled = false;
      for (const answer of held) answer();
    }, 300);
  }, 300);
  await loop.run(1, poisson(400));
  const all = await loop.all();
  const response = decodeHistogram(all.response ?? '');
  // 300 ms of 1,000 were stalled: about 120 were due then, a third of them for 200 ms or more.
  const slow = response.totalCount * (1 - percentileBelow(response, 200_000));
  expect(slow).toBeGreaterThan(20);
  // Only four of them had been sent: those that a closed loop would have seen.
  const sentSlow = decodeHistogram(all.histogram);
  expect(sentSlow.totalCount * (1 - percentileBelow(sentSlow, 200_000))).toBeLessThan(6);
});

function percentileBelow(histogram: ReturnType<typeof decodeHistogram>, value: number): number {
  for (let share = 1; share > 0; share -= 0.001) {
    if (histogram.getValueAtPercentile(share * 100) < value) return share;
  }
  return 0;
}

test('no reply in time, lost connections and what waits behind them are all accounted for', async () => {
  const { url } = await serveRaw((socket, request) => {
    const path = request.split(' ')[1] ?? '';
    if (path === '/drop') socket.destroy();
    else if (path !== '/never') socket.write(reply(path));
  });
  const loop = loopOn(url, [get('/a'), get('/never'), get('/drop')], { timeoutSeconds: 0.2 });
  await loop.run(0.6, poisson(200));
  const all = await loop.all();
  for (const count of [all.ok, all.timeouts, all.connErrors]) expect(count).toBeGreaterThan(0);
});

test('a server that goes away leaves nothing behind that is not counted', async () => {
  const { url, sockets, server } = await serveRaw((socket, request) =>
    socket.write(reply(request.split(' ')[1] ?? '')),
  );
  const loop = loopOn(url, [get('/a')], { timeoutSeconds: 0.3 });
  setTimeout(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  }, 200);
  const { backlogEnd } = await loop.run(0.5, constant(100));
  const all = await loop.all();
  expect(all.scheduled).toBe(50);
  expect(all.ok + all.connErrors + all.dropped).toBe(50);
  expect(all.dropped).toBeGreaterThanOrEqual(backlogEnd);
  expect(all.dropped).toBeGreaterThan(0);
});

test('lists that are used up end the slice early', async () => {
  const { url } = await serveHttp((path, response) => response.end(path));
  const loop = loopOn(url, [get('/a'), get('/b')], { isSentOnce: true });
  const { seconds } = await loop.run(30, constant(100));
  expect(seconds).toBeLessThan(10);
  expect((await loop.all()).ok).toBe(6);
});

test('both models may take turns: a closed slice has no response times', async () => {
  const { url } = await serveHttp((path, response) => response.end(path));
  const loop = loopOn(url, [get('/a')]);
  await loop.run(0.05, constant(200));
  expect((await loop.all()).response).toBeDefined();
  await loop.run(0.05, { model: 'closed' });
  const totals = loop.take();
  expect(totals.open).toBeUndefined();
  expect((await resultsOf(totals.tallies))[0]?.response).toBeUndefined();
});

test('stages: each request counts where it was due, however late it was sent', async () => {
  const { url } = await serveHttp((path, response) => void setTimeout(() => response.end(path), 40));
  const loop = loopOn(url, [get('/a')], { connections: 1 });
  // One connection answers 25 a second: of the 50 of the first stage most are sent in the second.
  const stages = [
    { seconds: 0.5, fromRps: 100, toRps: 100 },
    { seconds: 0.5, fromRps: 10, toRps: 10 },
  ];
  const slice = await loop.run(1, { model: 'stages', stages, arrivals: 'constant' });
  const { tallies, stages: totals = [] } = loop.take();
  const [all] = await resultsOf(tallies);
  expect(all).toMatchObject({ scheduled: 55, ok: 55 });
  expect(slice).toMatchObject({ scheduled: 55, ok: 55 });
  expect(totals.map((stage) => stage.tallies.get('read')?.scheduled)).toEqual([50, 5]);
  expect(totals.map((stage) => stage.tallies.get('read')?.response?.totalCount)).toEqual([50, 5]);
  expect(totals[0]?.backlogEnd).toBeGreaterThan(25);
  expect(slice.backlogEnd).toBeGreaterThan(15);
});
