import { expect, test } from 'vitest';
import { parseConfig } from './config.ts';
import { planTrials } from './plan.ts';

const plan = (seed: string, repeat = '3') =>
  planTrials(
    parseConfig(
      { store: 'none,memory,jwt', servers: '1,3', affinity: 'sticky,round-robin', repeat, seed },
      {},
    ),
  );

test('each block holds each arm of each group once', () => {
  const trials = plan('1');
  expect(trials).toHaveLength(3 * 4 * 3);
  const cells = new Set(
    trials.map(({ block, arm, servers, affinity }) => [block, arm, servers, affinity].join()),
  );
  expect(cells.size).toBe(36);
});

test('order indices count from 0 within each block', () => {
  const blocks = [1, 2, 3].map((block) => plan('1').filter((trial) => trial.block === block));
  for (const block of blocks)
    expect(block.map((trial) => trial.orderIndex)).toEqual(block.map((_, index) => index));
});

test('a seed fixes the order, another one changes it', () => {
  const order = (seed: string) =>
    plan(seed, '20')
      .map((trial) => trial.store)
      .join();
  expect(order('7')).toBe(order('7'));
  expect(order('7')).not.toBe(order('8'));
});

test('the variant names all options and the durability, sorted', () => {
  const [trial] = planTrials(parseConfig({ store: 'redis:write=lww', durability: 'commit' }, {}));
  expect(trial?.variant).toBe('durability=commit;read=get;write=lww');
});
