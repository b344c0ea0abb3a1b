import { expect, test } from 'vitest';
import { parseConfig } from '../config/config.ts';
import { groupText, planBlocks, planRepetition } from './plan.ts';

const configOf = (seed: string, repeat = '3', engine = 'slices') =>
  parseConfig(
    { store: 'none,memory,jwt', servers: '1,3', affinity: 'sticky,round-robin', repeat, seed, engine },
    {},
  );
const plan = (seed: string, repeat?: string) => planBlocks(configOf(seed, repeat));
const trialsOf = (seed: string, repeat?: string) => plan(seed, repeat).flatMap((block) => block.trials);

test('a block holds all arms of one group, and each group has a block in every repetition', () => {
  const blocks = plan('1');
  expect(blocks).toHaveLength(3 * 4);
  for (const { trials, group } of blocks) {
    expect(trials.map((trial) => trial.store).sort()).toEqual(['jwt', 'memory', 'none']);
    for (const trial of trials) expect(trial).toMatchObject(group);
  }
});

test('the plain engine takes one arm at a time, with the same trials', () => {
  const parts = planBlocks(configOf('1', '3', 'autocannon'));
  expect(parts.every(({ trials }) => trials.length === 1)).toBe(true);
  expect(parts.flatMap(({ trials }) => trials)).toEqual(trialsOf('1'));
});

test('so does a run in which sessions expire: what other stores then do would show', () => {
  const config = { ...configOf('1'), expiring: 10 };
  const parts = planBlocks(config);
  expect(parts.every(({ trials }) => trials.length === 1)).toBe(true);
  expect(parts.flatMap(({ trials }) => trials)).toEqual(trialsOf('1'));
});

test('order indices count from 0 within each repetition', () => {
  for (const block of [1, 2, 3]) {
    const own = trialsOf('1').filter((trial) => trial.block === block);
    expect(own.map((trial) => trial.orderIndex)).toEqual(own.map((_, index) => index));
  }
});

test('a seed fixes the order, another one changes it', () => {
  const order = (seed: string) =>
    trialsOf(seed, '20')
      .map((trial) => trial.store)
      .join();
  expect(order('7')).toBe(order('7'));
  expect(order('7')).not.toBe(order('8'));
});

test('of two blocks the second has the reverse order of the first', () => {
  const stores = (block: number) =>
    planRepetition(configOf('7', '20'), block).map(({ trials }) => trials.map(({ store }) => store));
  for (const block of [1, 3, 19]) {
    expect(stores(block + 1)).toEqual(stores(block).map((group) => group.reverse()));
  }
  expect(stores(1)).not.toEqual(stores(3));
});

test('a block is the same whether it is planned with others or as a replacement', () => {
  expect(planRepetition(configOf('7', '3'), 3)).toEqual(planRepetition(configOf('7', '50'), 3));
});

test('a service that cannot provide the durability has what it can, and the arm is named by that', () => {
  for (const durability of ['none', 'second', 'commit']) {
    const [block] = planBlocks(parseConfig({ store: 'memcached,mongodb,redis', durability }, {}));
    const variants = new Map(block?.trials.map(({ store, variant }) => [store, variant]));
    expect(variants.get('memcached')).toBe('durability=none;write=cas');
    const least = durability === 'none' ? 'second' : durability;
    expect(variants.get('mongodb')).toBe(`durability=${least};write=cas`);
    expect(variants.get('redis')).toContain(`durability=${durability};`);
  }
});

test('each distance of the service is a group of its own, with all arms', () => {
  const blocks = planBlocks(parseConfig({ store: 'redis,jwt', storeDistance: '0ms,2ms' }, {}));
  expect(blocks.map(({ group }) => groupText(group))).toEqual([
    'read, 1 server, round-robin, 256 B, store 0 ms away',
    'read, 1 server, round-robin, 256 B, store 2 ms away',
  ]);
  for (const { trials, group } of blocks)
    expect(trials.map(({ storeDistanceMs }) => storeDistanceMs)).toEqual([
      group.storeDistanceMs,
      group.storeDistanceMs,
    ]);
  const [near] = planBlocks(parseConfig({ store: 'redis' }, {}));
  expect(near?.trials[0]).not.toHaveProperty('storeDistanceMs');
});

test('the variant names all options and the durability, sorted', () => {
  const [block] = planBlocks(parseConfig({ store: 'redis:write=lww', durability: 'commit' }, {}));
  expect(block?.trials[0]?.variant).toBe('durability=commit;pipelining=none;read=get;write=lww');
});
