import { describe, expect, test } from 'vitest';
import type { Comparison } from '../compare/compare.ts';
import type { Question } from '../compare/decide.ts';
import { METRICS } from '../compare/metrics.ts';
import { decideAtLook, looksUpTo, repeatedConfidence } from '../compare/sequential.ts';
import type { SequentialPlan } from '../results/gate-plan.ts';
import { seededRandom } from '../stats/random.ts';
import { normal } from '../stats/random-fixture.ts';
import { signedRankEstimate, signedRankTest } from '../stats/signed-rank.ts';
import { isSettled } from './looks.ts';

/** Many seeded, simulated gates: how often they are wrong, what they find, and how many blocks they take. */

const PLANNED = 48;
const [CPU] = METRICS;
const random = seededRandom(20261127);
const draw = () => normal(random);

function questionOf(ratios: readonly number[], plan: SequentialPlan): Question {
  return {
    metric: CPU as Question['metric'],
    informative: undefined,
    evidence: {
      method: 'paired',
      blocks: { base: ratios.length, head: ratios.length },
      medians: { base: 1, head: 1 },
      shift: signedRankEstimate(ratios, repeatedConfidence(plan)),
      test: signedRankTest(ratios),
    },
  };
}

/** One gate: its verdicts, and the blocks it took. */
function gateOnce(cells: number, scatter: number, effect: number): { verdicts: string[]; blocks: number } {
  const ratios = Array.from({ length: cells }, () =>
    Array.from({ length: PLANNED }, () => Math.log(1 + effect) + scatter * draw()),
  );
  const looks: number[] = [];
  for (const look of looksUpTo(PLANNED)) {
    looks.push(look);
    const plan: SequentialPlan = { looks, planned: PLANNED, deciding: ['cpu_us_per_req'] };
    const questions = ratios.map((one) => questionOf(one.slice(0, look), plan));
    const decisions = decideAtLook(questions, plan);
    const findings = decisions.map((decision, index) => ({
      ...decision,
      ...questions[index],
      configuration: {},
    }));
    if (look === PLANNED || isSettled({ findings } as unknown as Comparison))
      return { verdicts: decisions.map(({ verdict }) => verdict), blocks: look };
  }
  throw new Error('expected the last look to end the gate');
}

function gates(runs: number, cells: number, scatter: number, effect: number) {
  const all = Array.from({ length: runs }, () => gateOnce(cells, scatter, effect));
  const share = (...verdicts: string[]) =>
    all.filter((one) => one.verdicts.some((verdict) => verdicts.includes(verdict))).length / runs;
  const blocks = all.reduce((sum, one) => sum + one.blocks, 0) / runs;
  const text = ['REGRESSED', 'SLOWER', 'OK', 'INCONCLUSIVE', 'IMPROVED']
    .map((verdict) => `${verdict} ${(share(verdict) * 100).toFixed(1)} %`)
    .join(', ');
  process.stdout.write(
    `${cells} cells, scatter ${scatter * 100} %, effect ${effect * 100} %: ${text}; ${blocks.toFixed(1)} blocks\n`,
  );
  return { share, blocks };
}

describe('unchanged code', () => {
  test.each([
    // The aims: at most 12 and 20 blocks on average.
    { cells: 1, scatter: 0.014, most: 12 },
    { cells: 2, scatter: 0.014, most: 12 },
    { cells: 1, scatter: 0.03, most: 20 },
    { cells: 2, scatter: 0.03, most: 20 },
    { cells: 2, scatter: 0.064, most: 48 },
    // So noisy that estimates above the margin are common.
    { cells: 3, scatter: 0.3, most: 48 },
  ])(
    '$cells cells at a scatter of $scatter: no false alarm beyond 0.5 %, decided early',
    ({ cells, scatter, most }) => {
      const { share, blocks } = gates(2000, cells, scatter, 0);
      // Of 2,000 at 0.5 %, more than 22 would be seen once in 1,000 times.
      expect(share('REGRESSED')).toBeLessThanOrEqual(22 / 2000);
      expect(blocks).toBeLessThanOrEqual(most);
    },
  );
});

test('5 % more is found in 98 % of gates at a scatter of 6.4 %, SLOWER counted', () => {
  expect(gates(4000, 1, 0.064, 0.05).share('REGRESSED', 'SLOWER')).toBeGreaterThanOrEqual(0.98);
});

test('10 % more at 3 % scatter is found always', () => {
  expect(gates(500, 2, 0.03, 0.1).share('REGRESSED')).toBe(1);
});

test('a change of the margin is called without regression in at most 2.5 % of gates', () => {
  const { share } = gates(2000, 1, 0.03, 0.03);
  // Of 2,000 at 2.5 %, more than 72 would be seen once in 1,000 times.
  expect(share('OK')).toBeLessThanOrEqual(72 / 2000);
});
