import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LoadResult, OperationResult } from '../load/job.ts';
import {
  bucketsOf,
  createHistogram,
  decodeHistogram,
  encodeHistogram,
  recordUs,
} from '../stats/histogram.ts';
import { mergeHistograms, mergeLoads, overlapOf, windowOf } from './merge.ts';

const histogramOf = (times: readonly number[]) => {
  const histogram = createHistogram();
  for (const us of times) recordUs(histogram, us);
  return histogram;
};

test('the sum of encoded histograms is, bucket for bucket, one histogram of all samples', async () => {
  // From below a microsecond to beyond the range, so that both ends are in it.
  const us = fc.oneof(fc.nat(5_000), fc.nat(70_000_000), fc.double({ min: 0, max: 200, noNaN: true }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(us, { maxLength: 60 }), { minLength: 1, maxLength: 6 }),
      async (workers) => {
        const texts = await Promise.all(workers.map((times) => encodeHistogram(histogramOf(times))));
        const merged = decodeHistogram(await mergeHistograms(texts));
        expect(bucketsOf(merged)).toEqual(bucketsOf(histogramOf(workers.flat())));
        expect(merged.totalCount).toBe(workers.flat().length);
      },
    ),
    { numRuns: 60 },
  );
});

describe('the sum of loads', () => {
  const operation = async (name: 'all' | 'read', count: number, us: number): Promise<OperationResult> => ({
    operation: name,
    ...{ scheduled: count, sent: count, completed: count, ok: count - 1, http4xx: 1, unauthorized: 1 },
    ...{ http5xx: 0, checkFailed: 0, connErrors: 0, timeouts: 0, closedIdle: 0, resent: 0, dropped: 0 },
    ...{ inflightEnd: 0, requestBytes: 10 * count, responseBytes: 20 * count },
    histogram: await encodeHistogram(histogramOf(Array(count).fill(us))),
  });
  const load = async (count: number, us: number, seconds: number): Promise<LoadResult> => ({
    durationSeconds: seconds,
    operations: [await operation('all', count, us), await operation('read', count, us)],
    cpuNs: 5,
    firstFailure: `of ${count}`,
    open: { lateness: await encodeHistogram(histogramOf([us])), backlogMax: 2, sendsPerPump: count },
  });

  test('counts are added, for each operation, and time is that of the longest', async () => {
    const sum = await mergeLoads([await load(3, 100, 2), await load(5, 900, 2.5)]);
    expect(sum).toMatchObject({ durationSeconds: 2.5, cpuNs: 10, firstFailure: 'of 3' });
    expect(sum.operations.map(({ operation: name }) => name)).toEqual(['all', 'read']);
    for (const one of sum.operations) {
      expect(one).toMatchObject({ sent: 8, ok: 6, http4xx: 2, requestBytes: 80, responseBytes: 160 });
      expect(bucketsOf(decodeHistogram(one.histogram)).map(({ count }) => count)).toEqual([3, 5]);
      expect(one).not.toHaveProperty('response');
    }
    expect(sum.open).toMatchObject({ backlogMax: 4, sendsPerPump: 4 });
  });
});

describe('the time in which all were under load', () => {
  test('by the clock of the harness, whatever theirs say', () => {
    const one = windowOf({ startedMs: 1_000, endedMs: 2_000 }, 0);
    const ahead = windowOf({ startedMs: 91_000, endedMs: 92_000 }, 90_000);
    expect(overlapOf([one, ahead])).toBe(1);
    expect(overlapOf([one, { startMs: 1_250, endMs: 2_250 }])).toBe(0.75);
  });

  test('is none of loads one after the other', () => {
    expect(
      overlapOf([
        { startMs: 0, endMs: 10 },
        { startMs: 11, endMs: 21 },
      ]),
    ).toBe(0);
  });
});
