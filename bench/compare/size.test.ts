import { expect, test } from 'vitest';
import type { SequentialPlan } from '../results/gate-plan.ts';
import type { Row } from '../results/row.ts';
import { seededRandom } from '../stats/random.ts';
import { compareRows } from './compare.ts';
import { syntheticRows } from './rows-fixture.ts';

/** A gate whose closed loop alarms: what equal load makes of it. */

const NAMES = { base: 'base.csv', head: 'head.csv' };
const PLAN: SequentialPlan = { looks: [24], planned: 24, deciding: ['cpu_us_per_req'] };
const EQUAL_LOAD: Row = { pass: 'equal-load', load_model: 'open-constant', target_rps: 4000 };

function sides(factor: number, cells: Row = {}, blocks = 24): [base: Row[], head: Row[]] {
  const random = seededRandom(5);
  const common = { run: 'a', stores: ['redis'], blocks, scatter: 0.01, cells, random };
  return [syntheticRows(common), syntheticRows({ ...common, factor, firstPlace: 100 })];
}

function cpuOf(closed: [Row[], Row[]], atEqualLoad: [Row[], Row[]]) {
  const [base, head] = [0, 1].map((side) => [...(closed[side] ?? []), ...(atEqualLoad[side] ?? [])]);
  const { findings, verdict } = compareRows(base ?? [], head ?? [], NAMES, PLAN);
  const cpu = findings.find(({ metric, configuration }) => {
    return metric?.name === 'cpu_us_per_req' && configuration.pass !== 'equal-load';
  });
  return { verdict, cell: cpu?.verdict, reason: cpu?.reason };
}

test('a change that is small at equal load is slower, below the margin, whatever it is at a full box', () => {
  const { verdict, cell, reason } = cpuOf(sides(1.1), sides(1.01, EQUAL_LOAD, 12));
  expect([verdict, cell]).toEqual(['SLOWER', 'SLOWER']);
  expect(reason).toMatch(
    /^costs \+0\.\d % \[.*\] at equal load, below the margin; \+\d+\.\d % at a full box$/,
  );
});

test('one that reaches the margin at equal load is REGRESSED, with that size', () => {
  const { verdict, reason } = cpuOf(sides(1.1), sides(1.06, EQUAL_LOAD, 12));
  expect(verdict).toBe('REGRESSED');
  expect(reason).toMatch(/^costs \+[56]\.\d % \[.*\] at equal load$/);
});

test('without enough valid blocks at equal load the closed loop decides, and it says so', () => {
  for (const atEqualLoad of [sides(1, EQUAL_LOAD, 5), [[], []] as [Row[], Row[]]]) {
    const { verdict, reason } = cpuOf(sides(1.1), atEqualLoad);
    expect(verdict).toBe('REGRESSED');
    expect(reason).toBe('the margin is held against the closed loop: no valid pass at equal load');
  }
});

test('a gate at equal load alone decides by it', () => {
  const [base, head] = sides(1.1, EQUAL_LOAD);
  expect(compareRows(base, head, NAMES, PLAN).verdict).toBe('REGRESSED');
});
