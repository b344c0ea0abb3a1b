import { expect, test } from 'vitest';
import { createHistogram, encodeHistogram, recordUs } from '../../stats/histogram.ts';
import { judgeExpiry } from './expiry.ts';

const START_MS = 5_000;
const ROUND_MS = 500;
const ROUNDS = 20;
const REQUESTS = 300;

const timesOf = (us: number) => {
  const histogram = createHistogram();
  for (let index = 0; index < REQUESTS; index += 1) recordUs(histogram, us);
  return encodeHistogram(histogram);
};

/** Rounds of one arm, of which those from `changed` on are slower and cost 40 µs more. */
async function timeline(changed: number, store: number | undefined = 5) {
  const rounds = Array.from({ length: ROUNDS }, (_, index) => index + 1);
  return {
    slices: await Promise.all(
      rounds.map(async (round) => ({ round, times: await timesOf(round > changed ? 9_000 : 1_000) })),
    ),
    records: rounds.map((round) => ({
      completed: REQUESTS,
      cpu_us_server: REQUESTS * (round > changed ? 140 : 100),
      cpu_us_store: store === undefined ? undefined : REQUESTS * store,
    })),
    roundStarts: rounds.map((round) => START_MS + (round - 1) * ROUND_MS),
    endMs: START_MS + ROUNDS * ROUND_MS,
  };
}

test('what slices cost and take before the first expiry is told from what they do after it', async () => {
  const firstMs = START_MS + 10.5 * ROUND_MS;
  const seen = judgeExpiry({ ...(await timeline(10)), firstMs, lastMs: firstMs + 1_000 });
  // The slice in which it falls is in neither part.
  expect(seen.extraUs.server).toBeCloseTo(9 * REQUESTS * 40);
  expect(seen.extraUs.store).toBeCloseTo(0);
  expect(seen).toMatchObject({ hasTimeBefore: true, hasAllExpired: true });
  expect(seen.p99BeforeUs).toBeCloseTo(1_000, -1);
  expect(seen.p99InUs).toBeCloseTo(9_000, -2);
});

test('without time before it, or without a reading, there is no difference', async () => {
  const lastMs = START_MS + ROUNDS * ROUND_MS + 1;
  const late = judgeExpiry({ ...(await timeline(0, undefined)), firstMs: START_MS, lastMs });
  expect(late).toEqual({
    ...{ hasTimeBefore: false, hasAllExpired: false, p99BeforeUs: undefined },
    p99InUs: expect.any(Number),
    extraUs: { server: undefined, store: undefined },
  });
});
