import { expect, test } from 'vitest';
import type { SliceRecord } from '../results/slices.ts';
import { seededRandom } from '../stats/random.ts';
import { normal } from '../stats/random-fixture.ts';
import { levelsOf, type TwinSlices } from './levels.ts';

const random = seededRandom(31);
const draw = () => normal(random);

interface Planted {
  blocks: number;
  rounds: number;
  /** Standard deviation of the ln cost of a slice, and of a start of an arm. */
  slice: number;
  start: number;
  /** What is added to the ln cost of a slice that follows one of its own arm, and of one in the first place. */
  afterItself?: number;
  first?: number;
}

function planted({ blocks, rounds, slice, start, afterItself = 0, first = 0 }: Planted): TwinSlices[] {
  return Array.from({ length: blocks }, () => {
    const starts = [draw() * start, draw() * start];
    const sides: SliceRecord[][] = [[], []];
    let last: number | undefined;
    for (let round = 1; round <= rounds; round += 1) {
      for (const [place, arm] of (random() < 0.5 ? [0, 1] : [1, 0]).entries()) {
        const effects = (last === arm ? afterItself : 0) + (place === 0 ? first : 0);
        const cost = 30 * Math.exp((starts[arm] as number) + draw() * slice + effects);
        sides[arm]?.push(record({ round, place, order_index: arm, cpu_us_server: 1000 * cost }, last));
        last = arm;
      }
    }
    return { base: sides[0] as SliceRecord[], head: sides[1] as SliceRecord[] };
  });
}

function record(cells: Partial<SliceRecord>, after: number | undefined): SliceRecord {
  return {
    phase: 'measured',
    round: 1,
    place: 0,
    arm: 'none',
    order_index: 0,
    ...(after === undefined ? {} : { after }),
    scheduled: 1000,
    completed: 1000,
    seconds: 0.1,
    cpu_us_server: 30_000,
    cpu_us_balancer: undefined,
    cpu_us_store: undefined,
    cpu_us_generator: 10_000,
    ...cells,
  };
}

test('the scatter is split by level: slices, and starts beyond them', () => {
  const levels = levelsOf(planted({ blocks: 400, rounds: 20, slice: 0.08, start: 0.02 }));
  expect(levels).toMatchObject({ blocks: 400, rounds: 20 });
  expect(levels?.slice).toBeCloseTo(0.08 * Math.SQRT2, 2);
  expect(levels?.ofSlices).toBeCloseTo((0.08 * Math.SQRT2) / Math.sqrt(20), 3);
  expect(Math.abs((levels?.start ?? 0) / (0.02 * Math.SQRT2) - 1)).toBeLessThan(0.15);
  expect(levelsOf(planted({ blocks: 400, rounds: 20, slice: 0.08, start: 0 }))?.start).toBeLessThan(0.008);
});

test('carry-over and place are found apart from one another, and nothing where there is none', () => {
  const found = levelsOf(planted({ blocks: 100, rounds: 30, slice: 0.02, start: 0.02, afterItself: -0.02 }));
  expect(found?.carryOver.estimate).toBeCloseTo(-0.02, 2);
  expect(found?.carryOver.upper).toBeLessThan(0);
  const placed = levelsOf(planted({ blocks: 100, rounds: 30, slice: 0.02, start: 0.02, first: 0.03 }));
  expect(placed?.place.estimate).toBeCloseTo(0.03, 2);
  const none = levelsOf(planted({ blocks: 100, rounds: 30, slice: 0.02, start: 0.02 }));
  for (const { lower, upper } of [none?.carryOver, none?.place].flatMap((one) => one ?? [])) {
    expect(lower).toBeLessThan(0);
    expect(upper).toBeGreaterThan(0);
  }
});

test('slices of the warm-up and those without an account are left out; one block returns undefined', () => {
  expect(levelsOf([])).toBeUndefined();
  expect(levelsOf(planted({ blocks: 1, rounds: 20, slice: 0.1, start: 0 }))).toBeUndefined();
  const twins = planted({ blocks: 2, rounds: 4, slice: 0.1, start: 0 });
  const cold = record({ phase: 'warm-up', cpu_us_server: 1 }, undefined);
  const unread = record({ round: 9, cpu_us_server: undefined }, undefined);
  const more = twins.map(({ base, head }) => ({ base: [cold, ...base, unread], head: [...head, unread] }));
  expect(levelsOf(more)).toEqual(levelsOf(twins));
});
