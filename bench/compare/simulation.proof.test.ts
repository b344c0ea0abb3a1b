import { describe, expect, test, vi } from 'vitest';
import { seededRandom } from '../stats/random.ts';
import { compareRows } from './compare.ts';
import { syntheticRows } from './rows-fixture.ts';

/** Thousands of comparisons: only a guard against hanging. */
vi.setConfig({ testTimeout: 180_000 });

/** The decision over many seeded, simulated comparisons: how often it is wrong, and how often it detects a change. */
const NAMES = { base: 'base.csv', head: 'head.csv' };
const STORES = ['none', 'redis', 'postgres'];
/** The promise is 1 % of comparisons; of 1,000, more than this many would be seen less than once in 1,000 times. */
const MAX_FALSE_ALARMS = 21;

interface Simulated {
  runs: number;
  blocks: number;
  /** Standard deviation of ln(head / base) in one block. */
  scatter: number;
  factor: number;
}

function verdicts({ runs, blocks, scatter, factor }: Simulated): Map<string, number> {
  const random = seededRandom(20261121);
  const counts = new Map<string, number>();
  for (let run = 0; run < runs; run += 1) {
    const common = { stores: STORES, blocks, scatter: scatter / Math.SQRT2, random };
    const base = syntheticRows({ run: 'a', ...common });
    const head = syntheticRows({ run: 'a', factor, firstPlace: 100, ...common });
    const { verdict } = compareRows(base, head, NAMES);
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  }
  const shown = [...counts].map(([verdict, count]) => `${verdict} ${count}`).join(', ');
  process.stdout.write(
    `${blocks} blocks, scatter ${scatter * 100} %, effect ${((factor - 1) * 100).toFixed(0)} %: of ${runs} ${shown}\n`,
  );
  return counts;
}

describe('1,000 comparisons without any change', () => {
  test.each([
    // So quiet that the margin is five standard errors away: none at all.
    { blocks: 24, scatter: 0.03 },
    { blocks: 24, scatter: 0.1 },
    // So noisy that an estimate above the margin is common, and only the test holds an alarm back.
    { blocks: 24, scatter: 0.5 },
    { blocks: 12, scatter: 0.05 },
    { blocks: 12, scatter: 0.5 },
  ])('false alarms at %o', (one) => {
    const counts = verdicts({ runs: 1000, factor: 1, ...one });
    expect(counts.get('REGRESSED') ?? 0).toBeLessThanOrEqual(one.scatter <= 0.03 ? 0 : MAX_FALSE_ALARMS);
  });
});

test('10 % more at 3 % scatter is found every time, 5 % nearly so', () => {
  const planted = { runs: 200, blocks: 24, scatter: 0.03 };
  expect(verdicts({ ...planted, factor: 1.1 }).get('REGRESSED')).toBe(200);
  expect(verdicts({ ...planted, factor: 1.05 }).get('REGRESSED')).toBeGreaterThan(190);
});
