import { BenchError } from '../errors.ts';
import type { Row } from '../results/row.ts';
import { seededRandom } from '../stats/random.ts';
import { normal } from '../stats/random-fixture.ts';
import { type Comparison, compareRows } from './compare.ts';
import { type Synthetic, syntheticRows } from './rows-fixture.ts';
import type { RunFile } from './sessions.ts';

/** For tests: comparisons of synthetic files, and their results. */
export const compare = (base: readonly Row[], head: readonly Row[]) =>
  compareRows(base, head, { base: 'base.csv', head: 'head.csv' });

const HEAD_PLACE = 100;

/** The same rows as another arm of their blocks. */
export const asOtherArm = (rows: readonly Row[]): Row[] =>
  rows.map((row) => ({ ...row, order_index: (row.order_index ?? 0) + HEAD_PLACE }));

/** As `compare`, for head rows that were derived from base's: another arm of the same blocks. */
export const compareArms = (base: readonly Row[], head: readonly Row[]) => compare(base, asOtherArm(head));

/** Two files of one run: the same blocks, each side with its own scatter and effect. */
export function twoArms(factor: number, options: Partial<Synthetic> = {}, seed = 1) {
  const random = seededRandom(seed);
  const common = { run: 'r', stores: ['redis'], blocks: 24, scatter: 0.02, random, ...options };
  return { base: syntheticRows(common), head: syntheticRows({ ...common, factor, firstPlace: HEAD_PLACE }) };
}

/** Two files of two runs on machines of differing speed. */
export function twoRuns(factor: number, options: Partial<Synthetic> = {}, seed = 1) {
  const random = seededRandom(seed);
  const common = { stores: ['none', 'redis'], blocks: 24, scatter: 0.02, drift: 0.2, random, ...options };
  const base = syntheticRows({ run: 'a', ...common });
  return { base, head: syntheticRows({ run: 'b', slowness: 1.3, ...common, factor }) };
}

/** Several runs of a side, one file each; `runScatter` is the standard deviation of ln(speed) between runs. */
export function severalRuns(
  side: string,
  count: number,
  { runScatter, ...options }: Partial<Synthetic> & Pick<Synthetic, 'random'> & { runScatter: number },
): RunFile[] {
  return Array.from({ length: count }, (_, index) => {
    const run = `${side}${index + 1}`;
    const slowness = Math.exp(runScatter * normal(options.random));
    const rows = syntheticRows({
      ...{ run, slowness, stores: ['none', 'redis'], blocks: 12, scatter: 0.02 },
      ...options,
    });
    return { name: `${run}.csv`, rows };
  });
}

export const verdictOf = (comparison: Comparison, metric: string, store = 'redis') =>
  comparison.findings.find((one) => one.metric?.name === metric && one.configuration.store === store)
    ?.verdict;
export const reasons = ({ findings }: Comparison) => findings.map(({ reason }) => reason);

/** The error that is thrown; `undefined` without one. */
export function caught(work: () => unknown): BenchError | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof BenchError) return error;
    throw error;
  }
  return undefined;
}
