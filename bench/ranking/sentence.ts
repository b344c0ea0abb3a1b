import { betterOf, type Pair, pairOf } from './order.ts';
import type { FigureRanking } from './ranking.ts';

/**
 * One figure's ranking in hyperfine's form, best first: `jwt 1.31× [1.27, 1.35] less CPU per request than redis; redis
 * 2.9× [2.7, 3.1] less than postgres`. Neighbours that no test distinguishes are named as such. Everything it says is
 * supported by a pair test: where ties are not transitive, it names the pair that differs, and the pair that does not
 * although arms between them do.
 */
export function sentenceOf({ figure, arms, pairs }: FigureRanking): string {
  const names = arms.map(({ name }) => name);
  const parts: string[] = [];
  let hasNamedFigure = false;
  const compared = (one: string, other: string) => {
    const what = hasNamedFigure ? figure.more : figure.has;
    hasNamedFigure = true;
    return `${one} ${timesText(pairOf(pairs, one, other))} ${what} than ${other}`;
  };
  for (let start = 0; start < names.length; ) {
    const end = endOfRun(names, pairs, start);
    const run = names.slice(start, end);
    if (run.length > 1) {
      parts.push(`${listed(run)} are not told apart${between(run, pairs) ? ' from their neighbours' : ''}`);
    }
    for (const [one, other] of couples(run)) {
      const better = betterOf(pairs, one, other);
      if (better !== undefined) parts.push(`but ${compared(better, better === one ? other : one)}`);
    }
    const [last, next] = [names[end - 1], names[end]];
    if (last !== undefined && next !== undefined) parts.push(compared(last, next));
    start = end;
  }
  for (const [one, other] of couples(names)) {
    const [from, to] = [names.indexOf(one), names.indexOf(other)];
    const crosses = endOfRun(names, pairs, from) <= to && to > from + 1;
    if (crosses && betterOf(pairs, one, other) === undefined) {
      parts.push(`${one} and ${other} are not told apart`);
    }
  }
  return parts.join('; ');
}

const listed = (names: readonly string[]) => `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

/** The end of the run of ties that begins here. */
function endOfRun(names: readonly string[], pairs: readonly Pair[], start: number): number {
  let end = start + 1;
  while (
    end < names.length &&
    betterOf(pairs, names[end - 1] as string, names[end] as string) !== names[end - 1]
  )
    end += 1;
  return end;
}

const between = (run: readonly string[], pairs: readonly Pair[]) =>
  couples(run).some(([one, other]) => betterOf(pairs, one, other) !== undefined);

function couples(names: readonly string[]): [string, string][] {
  return names.flatMap((one, index) => names.slice(index + 1).map((other): [string, string] => [one, other]));
}

/** The ratio with its interval; always above 1, for the better one comes first. */
function timesText(pair: Pair | undefined): string {
  if (pair?.shift.estimate === undefined) return '';
  const { estimate, lower, upper } = pair.shift;
  const isUp = estimate > 0;
  const digits = digitsOf(Math.exp(Math.abs(estimate)));
  const logs = isUp ? [estimate, lower, upper] : [-estimate, -upper, -lower];
  const [times, low, high] = logs.map((log) => Math.exp(log).toFixed(digits));
  return `${times}× [${low}, ${high}]`;
}

/**
 * The neighbours whose ratio depends on the machine's speed, with it in the faster and in the slower half of the
 * blocks; empty without any.
 */
export function speedSentence({ figure, arms, pairs }: FigureRanking): string {
  const names = arms.map(({ name }) => name);
  const parts = names.slice(1).flatMap((other, index) => {
    const one = names[index] as string;
    const pair = pairOf(pairs, one, other);
    if (pair?.bySpeed === undefined) return [];
    // The advantage of the better one, which stands first.
    const sign = (pair.first === one) === (figure.better === 'higher') ? 1 : -1;
    const [fast, slow] = [pair.bySpeed.below, pair.bySpeed.above].map((log) =>
      Math.exp(sign * log).toFixed(2),
    );
    return [`${one} against ${other} ${fast}× in the faster half of the blocks, ${slow}× in the slower`];
  });
  if (parts.length === 0) return '';
  return `The size depends on the machine's speed, by ${figure.what}: ${parts.join('; ')}.`;
}

function digitsOf(times: number): number {
  if (times < 1.05) return 3;
  return times < 2 ? 2 : times < 20 ? 1 : 0;
}
