import { describe, expect, test } from 'vitest';
import { createStageLog } from './stage-log.ts';
import { createStagedArrivals, dueIn, type Stage, stageAt } from './stages.ts';
import { createTally } from './tally.ts';

const step = (seconds: number, rps: number): Stage => ({ seconds, fromRps: rps, toRps: rps });
const ramp = (seconds: number, fromRps: number, toRps: number): Stage => ({ seconds, fromRps, toRps });

function timesOf(stages: readonly Stage[], kind: 'constant' | 'poisson', seed = 1): number[] {
  const arrivals = createStagedArrivals(stages, kind, seed);
  const times: number[] = [];
  for (; arrivals.nextMs < Number.POSITIVE_INFINITY; arrivals.advance()) times.push(arrivals.nextMs);
  return times;
}

/** How many are due in each stage. */
const countsOf = (stages: readonly Stage[], times: readonly number[]) =>
  stages.map((_, index) => times.filter((ms) => stageAt(stages, ms) === index).length);

describe('arrivals by stages', () => {
  test.each<[string, Stage[]]>([
    ['steps', [step(10, 100), step(30, 1_000), step(1, 10)]],
    ['ramps', [ramp(10, 0, 100), ramp(30, 100, 1_000), ramp(10, 1_000, 0)]],
    ['a pause', [step(1, 100), step(5, 0), step(1, 100)]],
    ['a spike', [step(1, 50), step(0.1, 10_000), step(1, 50)]],
  ])('%s: constant ones are as many in each as its rates say', (_name, stages) => {
    const counts = countsOf(stages, timesOf(stages, 'constant'));
    for (const [index, stage] of stages.entries())
      expect(Math.abs((counts[index] as number) - dueIn(stage)), `stage ${index}`).toBeLessThanOrEqual(1);
  });

  test('poisson ones too, within the scatter of their number, and by the seed', () => {
    const stages = [step(10, 100), ramp(30, 100, 1_000)];
    const times = timesOf(stages, 'poisson');
    for (const [index, count] of countsOf(stages, times).entries()) {
      const expected = dueIn(stages[index] as Stage);
      expect(Math.abs(count - expected)).toBeLessThan(4 * Math.sqrt(expected));
    }
    expect(timesOf(stages, 'poisson')).toEqual(times);
    expect(timesOf(stages, 'poisson', 2)).not.toEqual(times);
  });

  test('times increase, and the rate of a ramp rises evenly', () => {
    const times = timesOf([ramp(10, 100, 300)], 'constant');
    expect(times.every((ms, index) => index === 0 || ms > (times[index - 1] as number))).toBe(true);
    const inSecond = (second: number) => times.filter((ms) => Math.floor(ms / 1000) === second).length;
    // The mean rate of each second: 110, 130, …, 290.
    for (let second = 0; second < 10; second += 1)
      expect(Math.abs(inSecond(second) - (110 + 20 * second))).toBeLessThanOrEqual(1);
  });
});

test('a request counts in the stage in which it was due, and each end is seen before the next stage changes anything', () => {
  const slot = { tally: createTally() };
  const log = createStageLog([step(1, 10), step(1, 10), step(1, 10)], new Map([['read', slot]]));
  const own = log.totals.map(({ tallies }) => tallies.get('read'));
  log.select(999);
  expect(slot.tally).toBe(own[0]);
  log.observe(999, 3, 4);
  log.observe(1_000, 5, 7);
  log.select(1_000);
  expect(slot.tally).toBe(own[1]);
  // One that waited is sent late.
  log.select(500);
  expect(slot.tally).toBe(own[0]);
  log.observe(1_500, 0, 0);
  expect(log.totals[0]).toMatchObject({ backlogEnd: 5, outstandingEnd: 7 });
  log.observe(2_100, 1, 2);
  expect(log.totals[1]).toMatchObject({ backlogEnd: 1, outstandingEnd: 2 });
  log.select(5_000);
  expect(slot.tally).toBe(own[2]);
});
