import { describe, expect, test } from 'vitest';
import { median } from '../stats/median.ts';
import { seededRandom } from '../stats/random.ts';
import { normal } from '../stats/random-fixture.ts';
import { type SearchRequest, searchMaximum, type TrialResult } from './search.ts';

/** A system to search: the value of its objective at a rate, and the bound that it must stay below. */
interface System {
  /** 99th percentile in ms without noise, at a rate and after this many seconds of the search. */
  p99Ms: (rate: number, elapsedSeconds: number) => number;
  boundMs: number;
  /** Scatter of ln(p99) in a trial of 1 s; longer ones scatter less. */
  scatter: number;
  /** Share of trials that something else disturbs threefold. */
  disturbed: number;
}

/** Response time of M/M/1 is exponential with rate mu − lambda. Source: Kleinrock, Queueing Systems I, 3.2. */
const queue = (capacity: number) => (rate: number) =>
  rate >= capacity ? 10_000 : (-Math.log(0.01) / (capacity - rate)) * 1000;

async function search(
  system: System,
  capacityPerSecond: number,
  seed: number,
  more: Partial<SearchRequest> = {},
) {
  const random = seededRandom(seed);
  let elapsedSeconds = 0;
  const measure = async (rate: number, seconds: number): Promise<TrialResult> => {
    elapsedSeconds += seconds;
    const noise = Math.exp((normal(random) * system.scatter) / Math.sqrt(seconds));
    const value = system.p99Ms(rate, elapsedSeconds) * noise * (random() < system.disturbed ? 3 : 1);
    return { holds: value < system.boundMs, value };
  };
  // What a closed loop says of the capacity scatters as well.
  const start = capacityPerSecond * Math.exp(0.05 * normal(random));
  return searchMaximum({ measure, capacityPerSecond: start, ...more });
}

describe('repeated searches agree', () => {
  const calm = { scatter: 0.15, disturbed: 0 };
  const noisy = { scatter: 0.5, disturbed: 0.1 };
  const atEdge = { p99Ms: queue(5000), boundMs: 20 };
  const farBelow = { p99Ms: queue(1000), boundMs: 10 };
  const step = { p99Ms: (rate: number) => (rate > 3000 ? 500 : 5), boundMs: 20 };
  const tiring: System['p99Ms'] = (rate, elapsed) =>
    queue(5000 * (1 - 0.05 * Math.min(1, elapsed / 120)))(rate);
  test.each<[name: string, system: System, capacity: number, truth: number, agreeing: number]>([
    ['a queue whose bound lies near its capacity', { ...atEdge, ...calm }, 5000, 4770, 0.95],
    ['the same, disturbed', { ...atEdge, ...noisy }, 5000, 4770, 0.95],
    ['a queue whose bound lies far below', { ...farBelow, ...calm }, 1000, 540, 0.95],
    // There the percentile crosses its bound so slowly that its scatter is nearly that of the rate.
    ['the same, disturbed', { ...farBelow, ...noisy }, 1000, 540, 0.7],
    ['a step, disturbed', { ...step, ...noisy }, 4000, 3000, 0.95],
    ['a queue that tires by 5 %', { p99Ms: tiring, boundMs: 20, ...noisy }, 5000, 4520, 0.95],
  ])('within 10 %% on %s', async (name, system, capacity, truth, agreeing) => {
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, index) => search(system, capacity, index + 1)),
    );
    const rates = results.map((result) => result.ratePerSecond as number).sort((a, b) => a - b);
    const middle = median(rates) as number;
    const within = rates.filter((rate) => Math.abs(rate / middle - 1) <= 0.1).length;
    const trials = results.map((result) => result.trials.length);
    const seconds = results.map((result) => result.trials.reduce((sum, trial) => sum + trial.seconds, 0));
    const share = (index: number) => `${(((rates[index] as number) / middle - 1) * 100).toFixed(1)} %`;
    console.log(
      `${name}: true ${truth}, median ${middle.toFixed(0)}, 5th to 95th percentile ${share(10)} to ${share(189)}, ` +
        `within 10 % ${within} of 200; trials ${median(trials)} (most ${Math.max(...trials)}), ${median(seconds)} s`,
    );
    expect(results.every(({ outcome, confirmed }) => outcome === 'found' && confirmed)).toBe(true);
    expect(within / 200).toBeGreaterThanOrEqual(agreeing);
    expect(Math.abs(middle / truth - 1)).toBeLessThan(0.1);
    for (const { lower = 0, upper = 0, trials } of results) {
      expect(upper).toBeGreaterThan(lower);
      expect(trials.at(-1)).toMatchObject({ ratePerSecond: lower, holds: true });
    }
  });
});

describe('the search', () => {
  const step = (limit: number) => async (rate: number) => ({ holds: rate <= limit, value: undefined });
  const run = (limit: number, more: Partial<SearchRequest> = {}) =>
    searchMaximum({ measure: step(limit), capacityPerSecond: 1000, ...more });

  test('brackets a sharp limit within 3 %, and confirms it for long', async () => {
    const { outcome, ratePerSecond = 0, lower = 0, upper = 0, confirmed, trials } = await run(617);
    expect([outcome, confirmed, ratePerSecond]).toEqual(['found', true, lower]);
    expect(lower).toBeLessThanOrEqual(617);
    expect(upper).toBeGreaterThan(617);
    expect(upper / lower).toBeLessThanOrEqual(1.03);
    expect(trials.at(-1)?.seconds).toBe(10);
    expect(trials.length).toBeLessThan(30);
  });

  test('goes above a capacity that was measured too low', async () => {
    const { outcome, ratePerSecond } = await run(1200);
    expect(outcome).toBe('found');
    expect(ratePerSecond).toBeGreaterThan(1160);
  });

  test('says when the capacity itself holds, and that it was confirmed', async () => {
    const { outcome, ratePerSecond, upper, confirmed } = await run(1e9);
    expect([outcome, ratePerSecond, upper, confirmed]).toEqual(['capacity-holds', 1500, undefined, true]);
  });

  test('says when not even the lowest rate holds', async () => {
    const { outcome, ratePerSecond, lower, upper, confirmed, trials } = await run(5);
    expect([outcome, ratePerSecond, lower, upper]).toEqual(['none-holds', undefined, undefined, 10]);
    expect(confirmed).toBe(false);
    expect(trials.at(-1)?.ratePerSecond).toBe(10);
  });

  test('finds the lowest rate itself', async () => {
    expect(await run(10.1)).toMatchObject({ outcome: 'found', ratePerSecond: 10, confirmed: true });
  });

  test('is not led astray by any single bad trial', async () => {
    const { trials, ratePerSecond: undisturbed } = await run(617);
    for (let bad = 0; bad < trials.length - 1; bad += 1) {
      let index = 0;
      const measure = async (rate: number) => ({ holds: index++ !== bad && rate <= 617, value: undefined });
      const { ratePerSecond = 0 } = await searchMaximum({ measure, capacityPerSecond: 1000 });
      expect(ratePerSecond, `trial ${bad}`).toBeGreaterThan(617 / 1.07);
      expect(ratePerSecond).toBeLessThanOrEqual(617);
      if (trials[bad]?.seconds === 2) expect(ratePerSecond, `trial ${bad}`).toBe(undisturbed);
    }
  });

  test('steps down when the confirmation fails, and confirms again', async () => {
    const plain = await run(617);
    let index = 0;
    const last = plain.trials.length - 1;
    const measure = async (rate: number) => ({ holds: index++ !== last && rate <= 617, value: undefined });
    const {
      ratePerSecond = 0,
      upper,
      confirmed,
      trials,
    } = await searchMaximum({ measure, capacityPerSecond: 1000 });
    expect(ratePerSecond).toBeCloseTo((plain.ratePerSecond as number) / 1.03, 6);
    expect([upper, confirmed, trials.length]).toEqual([plain.ratePerSecond, true, last + 2]);
  });

  test('takes the word of long trials over that of short ones, both ways', async () => {
    const longLimit = (limit: number) => async (rate: number, seconds: number) => ({
      holds: rate <= (seconds > 5 ? limit : 600),
      value: undefined,
    });
    for (const limit of [450, 800]) {
      const { ratePerSecond = 0, upper = 0 } = await searchMaximum({
        measure: longLimit(limit),
        capacityPerSecond: 1000,
      });
      expect(ratePerSecond).toBeLessThanOrEqual(limit);
      expect(upper).toBeGreaterThan(limit);
      expect(upper / ratePerSecond).toBeLessThanOrEqual(1.03);
    }
  });

  test('ends after the maximum of trials, unconfirmed', async () => {
    const random = seededRandom(1);
    const measure = async () => ({ holds: random() < 0.5, value: undefined });
    for (const maxTrials of [1, 5, 12]) {
      const { trials, confirmed } = await searchMaximum({ measure, capacityPerSecond: 1000, maxTrials });
      expect(trials.length).toBeLessThanOrEqual(maxTrials);
      if (trials.length === maxTrials) expect(confirmed && trials.at(-1)?.holds === false).toBe(false);
    }
    const { trials, confirmed, outcome } = await run(617, { maxTrials: 6 });
    expect([trials.length, confirmed, outcome]).toEqual([6, false, 'found']);
  });

  test('passes on what a trial throws', async () => {
    const measure = async () => {
      throw new Error('the server died');
    };
    await expect(searchMaximum({ measure, capacityPerSecond: 1000 })).rejects.toThrow('the server died');
  });
});
