import { holmAdjusted } from '../stats/holm.ts';
import { CONFIDENCE, FAMILY_ALPHA, MIN_BLOCKS } from '../stats/levels.ts';
import { smallestEffect } from '../stats/smallest-effect.ts';
import { logMargin, type Metric } from './metrics.ts';
import { percentText } from './percent.ts';
import { type Evidence, unitOf } from './sample.ts';

export type Verdict = 'REGRESSED' | 'INVALID' | 'INCONCLUSIVE' | 'SLOWER' | 'IMPROVED' | 'OK' | 'INFORMATIVE';

/** A metric of a cell and its measurements. */
export interface Question {
  metric: Metric;
  evidence: Evidence;
  /** Why it does not decide, whatever it shows; `undefined` when it may. */
  informative: string | undefined;
}

/** The decision on a question. p-values are `undefined` for what does not decide. */
export interface Decision {
  verdict: Verdict;
  /** Why there is no verdict, or no better one; `undefined` when the figures decide. */
  reason: string | undefined;
  /** One-sided, adjusted by Holm over everything that decides. */
  pWorseHolm: number | undefined;
  pBetterHolm: number | undefined;
  /** ln ratio for the worse that would be detected in 80 % of such comparisons; `undefined` when none would. */
  smallestEffect: number | undefined;
}

/**
 * Decides all questions of a comparison together, in their order, by the measurement design:
 *
 * - REGRESSED: Holm-adjusted one-sided p at most 1 % **and** an estimate of at least the margin;
 * - IMPROVED: the mirror image, as a separate family;
 * - OK: the upper bound of the change for the worse is below the margin;
 * - INCONCLUSIVE: anything else, and fewer blocks (or runs) than `least`;
 * - INFORMATIVE: what does not decide. A metric that joins `if-quiet` does so by the length of its interval, which does
 * not depend on where the interval lies, and only where its number of values can reach the strictest level.
 *
 * @param least number of blocks on each side, or of runs, for a verdict.
 */
export function decide(questions: readonly Question[], least: number = MIN_BLOCKS): Decision[] {
  const hasEnough = ({ evidence: { blocks } }: Question) => Math.min(blocks.base, blocks.head) >= least;
  const candidates = questions.filter((one) => one.informative === undefined && hasEnough(one));
  const strictest = FAMILY_ALPHA / Math.max(1, candidates.length);
  const deciding = candidates.filter((one) => one.metric.gates === 'always' || isQuiet(one, strictest));
  const adjust = (p: (one: Question) => number) => {
    const adjusted = holmAdjusted(deciding.map(p));
    return new Map(deciding.map((one, index) => [one, adjusted[index] as number]));
  };
  const [worse, better] = [adjust((one) => oneSided(one).worse), adjust((one) => oneSided(one).better)];
  return questions.map((one) => {
    if (one.informative !== undefined) return undecided('INFORMATIVE', one.informative);
    if (!hasEnough(one)) return tooFew(one, least);
    if (!deciding.includes(one)) return undecided('INFORMATIVE', reasonToInform(one, strictest));
    const alpha = FAMILY_ALPHA / deciding.length;
    return judged(one, worse.get(one) as number, better.get(one) as number, alpha);
  });
}

function judged(question: Question, pWorseHolm: number, pBetterHolm: number, alpha: number): Decision {
  const margin = logMargin(question.metric);
  const { estimate, upper } = forTheWorse(question);
  const seen = smallestEffect(question.evidence.shift, CONFIDENCE, { alpha, margin });
  const { base, head } = question.evidence.blocks;
  const unit = unitOf(question.evidence);
  const visible = smallestP(question.evidence) <= alpha && Number.isFinite(seen) ? seen : undefined;
  const decision = (verdict: Verdict, reason?: string): Decision => {
    return { verdict, reason, pWorseHolm, pBetterHolm, smallestEffect: visible };
  };
  if (pWorseHolm <= FAMILY_ALPHA && estimate >= margin) return decision('REGRESSED');
  if (pBetterHolm <= FAMILY_ALPHA && estimate <= -margin) return decision('IMPROVED');
  if (upper < margin) return decision('OK');
  const sign = question.metric.worse === 'higher' ? 1 : -1;
  const reason =
    visible === undefined
      ? `with this many deciding figures ${Math.min(base, head)} ${unit} can show nothing: more ${unit} or fewer cells`
      : `the smallest detectable change is ${percentText(sign * visible)}`;
  return decision('INCONCLUSIVE', reason);
}

/** Estimate and upper bound of the change for the worse, as ln ratios. */
export function forTheWorse({ metric, evidence }: Pick<Question, 'metric' | 'evidence'>): {
  estimate: number;
  upper: number;
} {
  const { estimate = 0, lower, upper } = evidence.shift;
  return metric.worse === 'higher' ? { estimate, upper } : { estimate: -estimate, upper: -lower };
}

function oneSided({ metric, evidence }: Question): { worse: number; better: number } {
  const { pUp, pDown } = evidence.test;
  return metric.worse === 'higher' ? { worse: pUp, better: pDown } : { worse: pDown, better: pUp };
}

/** The smallest one-sided p that this number of pairs of blocks, or of runs on each side, can give. */
function smallestP({ smallestP: ofRuns, blocks: { base } }: Evidence): number {
  return ofRuns ?? 2 ** -base;
}

function isQuiet(question: Question, alpha: number): boolean {
  if (smallestP(question.evidence) > alpha) return false;
  const seen = smallestEffect(question.evidence.shift, CONFIDENCE, { alpha, margin: 0 });
  return seen <= logMargin(question.metric);
}

function reasonToInform({ evidence }: Question, alpha: number): string {
  return smallestP(evidence) > alpha
    ? `informs: with as many deciding figures, so few ${unitOf(evidence)} can show nothing`
    : 'scatters too much to decide';
}

function tooFew({ evidence, metric }: Question, least: number): Decision {
  const { base, head } = evidence.blocks;
  const got = base === head ? `${base}` : `${base} and ${head}`;
  const reason = `${got} ${unitOf(evidence)}; a verdict needs ${least}`;
  return undecided(metric.gates === 'always' ? 'INCONCLUSIVE' : 'INFORMATIVE', reason);
}

/** A decision without p-values. */
export function undecided(verdict: Verdict, reason: string | undefined): Decision {
  return { verdict, reason, pWorseHolm: undefined, pBetterHolm: undefined, smallestEffect: undefined };
}
