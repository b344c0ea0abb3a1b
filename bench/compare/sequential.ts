import type { SequentialPlan } from '../results/gate-plan.ts';
import { counted } from '../results/text.ts';
import { CONFIDENCE } from '../stats/levels.ts';
import { leastBlocks, levelsOfLooks } from '../stats/sequential.ts';
import { type Decision, forTheWorse, type Question, undecided } from './decide.ts';
import { logMargin } from './metrics.ts';
import { percentText } from './percent.ts';

/** Valid blocks at which a gate looks; the last is that of `--repeat`. */
const LOOKS = [10, 14, 18, 24, 32, 40, 48];

/** Probability that a gate of unchanged code calls any of its cells REGRESSED, at any look; the same for IMPROVED. */
export const GATE_ALPHA = 0.005;
/** Probability that a cell which is worse by its margin is called without regression, at any look. */
const OK_ALPHA = (1 - CONFIDENCE) / 2;

/** The looks of a gate with at most this many blocks. */
export function looksUpTo(blocks: number): number[] {
  return [...LOOKS.filter((look) => look < blocks), blocks];
}

/** One-sided levels at the last look of a plan. */
export interface Levels {
  /** For REGRESSED and for IMPROVED. */
  alarm: number;
  /** For *no regression*; also the level of the repeated confidence interval, on each side. */
  ok: number;
}

const known = new Map<string, Levels>();

/** The levels of a plan whose error is shared by this many deciding figures. */
export function levelsOf({ looks, planned }: SequentialPlan, figures: number): Levels {
  const key = JSON.stringify([looks, planned, figures]);
  const before = known.get(key);
  if (before !== undefined) return before;
  const shares = looks.map((look) => Math.min(1, look / planned));
  const levels = {
    alarm: levelsOfLooks(GATE_ALPHA / Math.max(1, figures), shares).at(-1) ?? 0,
    ok: levelsOfLooks(OK_ALPHA, shares).at(-1) ?? 0,
  };
  known.set(key, levels);
  return levels;
}

/** Confidence of the interval at the last look, such that the intervals of all looks have 95 % together. */
export function repeatedConfidence(plan: SequentialPlan): number {
  return 1 - 2 * levelsOf(plan, 1).ok;
}

/** The first look at which each verdict is possible with this many deciding figures. */
export function firstLooks(
  blocks: number,
  figures: number,
): { alarm: number | undefined; ok: number | undefined } {
  const looks = looksUpTo(blocks);
  const first = (key: keyof Levels) =>
    looks.find((look, index) => {
      const plan = { looks: looks.slice(0, index + 1), planned: blocks, deciding: [] };
      return leastBlocks(levelsOf(plan, figures)[key]) <= look;
    });
  return { alarm: first('alarm'), ok: first('ok') };
}

/**
 * Decides all questions at the last look of a plan. The intervals of the evidence are those of
 * {@link repeatedConfidence}.
 *
 * - REGRESSED: p at most the level of this look, and an estimate of at least the margin;
 * - SLOWER: such a p, and an estimate below the margin;
 * - IMPROVED: the mirror image of REGRESSED;
 * - OK: the upper bound of the change for the worse is below the margin;
 * - INCONCLUSIVE: anything else, so far.
 *
 * Source: Lan and DeMets 1983 (levels); Jennison and Turnbull, Group Sequential Methods, 9 (intervals).
 */
export function decideAtLook(questions: readonly Question[], plan: SequentialPlan): Decision[] {
  const isDeciding = ({ metric, informative }: Question) =>
    informative === undefined && plan.deciding.includes(metric.name);
  const figures = questions.filter(isDeciding).length;
  const levels = levelsOf(plan, figures);
  const [first = 0] = plan.looks;
  return questions.map((question) => {
    if (!isDeciding(question))
      return undecided('INFORMATIVE', question.informative ?? 'informs: another figure decides');
    const { base, head } = question.evidence.blocks;
    const blocks = Math.min(base, head);
    if (blocks < first) return undecided('INCONCLUSIVE', `${blocks} blocks; the first look is at ${first}`);
    return decideOne(question, levels);
  });
}

function decideOne(question: Question, levels: Levels): Decision {
  const { metric, evidence } = question;
  const margin = logMargin(metric);
  const { estimate, upper } = forTheWorse(question);
  const { pUp, pDown } = evidence.test;
  const [pWorse, pBetter] = metric.worse === 'higher' ? [pUp, pDown] : [pDown, pUp];
  const isWorse = pWorse <= levels.alarm;
  if (isWorse && estimate >= margin) return undecided('REGRESSED', undefined);
  if (pBetter <= levels.alarm && estimate <= -margin) return undecided('IMPROVED', undefined);
  if (isWorse) {
    const isShown = upper < margin ? 'shown to be' : 'estimated';
    return undecided('SLOWER', `a real change, ${isShown} below the margin`);
  }
  if (upper < margin) return undecided('OK', undefined);
  if (!Number.isFinite(upper)) {
    const { head } = evidence.blocks;
    return undecided(
      'INCONCLUSIVE',
      `${counted(head, 'block')} ${head === 1 ? 'shows' : 'show'} nothing yet`,
    );
  }
  const bound = percentText(metric.worse === 'higher' ? upper : -upper);
  return undecided('INCONCLUSIVE', `a change of up to ${bound} is not excluded`);
}
