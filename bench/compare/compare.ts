import { BenchError } from '../errors.ts';
import { spoiltBlocks } from '../results/blocks.ts';
import type { SequentialPlan } from '../results/gate-plan.ts';
import type { Row } from '../results/row.ts';
import { type Cell, cellName, cellsOf } from './cells.ts';
import { type Decision, decide, type Question, undecided, type Verdict } from './decide.ts';
import type { Finding } from './finding.ts';
import { commitText, machineDifference, type Names } from './machine.ts';
import { isMeasured, METRICS, mayGate } from './metrics.ts';
import { evidenceOf } from './sample.ts';
import { decideAtLook, repeatedConfidence } from './sequential.ts';
import { isEqualLoad, withSizes } from './size.ts';
import { type Pair, warningsOf } from './warnings.ts';

/** The result of comparing two result files. */
export interface Comparison {
  /** `paired` when the files share blocks, even if a single cell does not. */
  paired: boolean;
  /** Number of runs on each side, and of their sessions, where runs were compared with runs. */
  runs?: { base: number; head: number; sessions: number };
  findings: Finding[];
  /** Short commit of each side, with `+` for uncommitted changes; empty outside a checkout. */
  commits: Names;
  /** What a reader must know before trusting a figure, one line each. */
  warnings: string[];
  /** The most serious of all findings: REGRESSED before INVALID before INCONCLUSIVE. */
  verdict: Exclude<Verdict, 'INFORMATIVE'>;
}

/** Why files of two separate runs give no verdict. */
const SINGLE_RUNS =
  'one run on each side: from run to run the same code was seen to differ by 6 %, more than the blocks of a run show; measure both in one run with pnpm bench gate, or six runs a side with --base and --head';

/**
 * Compares the rows of two result files, cell by cell and metric by metric. Pure.
 *
 * Files that share blocks, in which their arms have different places, are arms of one run and are paired. Others are
 * two runs, and a single run on each side gives no verdict: runs of the same code differ by more than their blocks
 * show, with or without the control (docs/measurement.md). A block of turns is omitted as a whole when one of its rows
 * must not be used: on both sides when they are paired.
 *
 * @param plan of a gate that looked several times; absent for one decision at the end.
 * @throws BenchError CSV_INVALID for rows that do not belong together, NOTHING_TO_COMPARE
 */
export function compareRows(
  baseRows: readonly Row[],
  headRows: readonly Row[],
  names: Names,
  plan?: SequentialPlan,
): Comparison {
  const paired = areOfOneRun(baseRows, headRows);
  const spoilt = (rows: readonly Row[]) => spoiltBlocks(paired ? [...baseRows, ...headRows] : rows);
  const base = cellsOf(baseRows, names.base, spoilt(baseRows));
  const head = cellsOf(headRows, names.head, spoilt(headRows));
  const difference = machineDifference(baseRows, headRows, names);
  checkHasRows([...base.values()], names.base);
  checkHasRows([...head.values()], names.head);
  if (paired) checkSameMachine(difference);
  const common = [...base.values()].filter((cell) => head.has(cell.key));
  if (common.length === 0) throw nothing('a configuration that both files measured', 'none in common');

  const pairs = common.map((cell) => ({ base: cell, head: head.get(cell.key) as Cell }));
  const asked = pairs.filter((pair) => pair.base.blocks.size > 0 && pair.head.blocks.size > 0);
  // Beside a closed loop, equal load only gives the size of what the closed loop alarms of.
  const hasClosedLoop = asked.some(({ head: { configuration } }) => configuration.pass === 'capacity');
  const questions = asked.flatMap((pair) => {
    const { configuration } = pair.head;
    const metrics = METRICS.filter((metric) =>
      isMeasured(metric, [...pair.base.blocks.values(), ...pair.head.blocks.values()]),
    );
    return metrics.map((metric) => {
      const isSize = hasClosedLoop && isEqualLoad(configuration);
      const confidence = plan === undefined || isSize ? undefined : repeatedConfidence(plan);
      const evidence = evidenceOf(metric, paired ? 'paired' : 'unpaired', pair, confidence);
      const size = isSize ? 'gives the size of a change' : undefined;
      const part = mayGate(metric, configuration) ? size : 'does not decide here';
      const question: Question = { metric, evidence, informative: paired ? part : SINGLE_RUNS };
      return { configuration, question };
    });
  });
  const asking = questions.map(({ question }) => question);
  const decisions = plan === undefined ? decide(asking) : decideAtLook(asking, plan);
  const decided = decidedFindings(questions, decisions);
  const findings = plan === undefined ? decided : withSizes(decided);
  findings.push(
    ...pairs.flatMap((pair) => invalidCell(pair, names, paired)),
    ...unmatchedCells(base, head, `only in ${names.base}`, paired ? 'INCONCLUSIVE' : 'INFORMATIVE'),
    ...unmatchedCells(head, base, `only in ${names.head}`, 'INFORMATIVE'),
  );
  const warnings = warningsOf(asked, difference, paired, names);
  const commits = { base: commitText(baseRows), head: commitText(headRows) };
  return { paired, findings, commits, warnings, verdict: mostSevere(findings) };
}

/** The decisions, with the questions that they answer. */
export function decidedFindings(
  questions: readonly { configuration: Row; question: Question }[],
  decisions: readonly Decision[],
): Finding[] {
  return questions.map(({ configuration, question: { metric, evidence } }, index) => ({
    ...(decisions[index] as Decision),
    configuration,
    metric,
    evidence,
  }));
}

/** A cell with rows on both sides, but no usable one on one of them: nothing is known, which is not a success. */
export function invalidCell(pair: Pair, names: Names, isDeciding: boolean): Finding[] {
  if (!pair.base.supported && !pair.head.supported) return [];
  const empty = (['base', 'head'] as const).filter((side) => pair[side].blocks.size === 0);
  if (empty.length === 0) return [];
  const reason = `no valid row in ${empty.map((side) => names[side]).join(' and ')}`;
  return [cellFinding(pair.base.configuration, isDeciding ? 'INVALID' : 'INFORMATIVE', reason)];
}

export function unmatchedCells(
  cells: ReadonlyMap<string, Pick<Cell, 'key' | 'configuration'>>,
  others: ReadonlyMap<string, unknown>,
  reason: string,
  verdict: Verdict,
): Finding[] {
  return [...cells.values()]
    .filter((cell) => !others.has(cell.key))
    .map((cell) => cellFinding(cell.configuration, verdict, reason));
}

/** A cell without figures to compare. */
export function cellFinding(configuration: Row, verdict: Verdict, reason: string): Finding {
  return { configuration, metric: undefined, evidence: undefined, ...undecided(verdict, reason) };
}

export function mostSevere(findings: readonly Finding[]): Comparison['verdict'] {
  const order = ['REGRESSED', 'INVALID', 'INCONCLUSIVE', 'SLOWER', 'IMPROVED', 'OK'] as const;
  return order.find((verdict) => findings.some((one) => one.verdict === verdict)) ?? 'INCONCLUSIVE';
}

/**
 * Whether the files are arms of one run: they share blocks, and each arm has a different place in them. An equal place
 * is one arm measured twice, as by two continuations of a run that was stopped.
 */
function areOfOneRun(base: readonly Row[], head: readonly Row[]): boolean {
  const blockOf = ({ run_id, block }: Row) => JSON.stringify([run_id, block]);
  const placeOf = ({ run_id, block, order_index }: Row) => JSON.stringify([run_id, block, order_index]);
  const [blocks, places] = [new Set(base.map(blockOf)), new Set(base.map(placeOf))];
  return head.some((row) => blocks.has(blockOf(row))) && !head.some((row) => places.has(placeOf(row)));
}

function checkSameMachine(difference: readonly string[]): void {
  if (difference.length === 0) return;
  throw new BenchError({
    code: 'CSV_INVALID',
    expected: 'files that share blocks to come from one machine',
    got: difference.join('; '),
    remedy: 'A block belongs to one machine: pass the files as the run wrote them.',
  });
}

export function checkHasRows(cells: readonly Cell[], file: string): void {
  if (cells.some((cell) => cell.blocks.size > 0)) return;
  const invalid = cells.reduce((sum, cell) => sum + cell.invalid, 0);
  const got = invalid === 0 ? 'none' : `${invalid} that must not be used`;
  const first = cells[0] === undefined ? '' : `, first of ${cellName(cells[0].configuration)}`;
  throw nothing(`valid rows in ${file}`, `${got}${first}`);
}

export function nothing(expected: string, got: string): BenchError {
  const remedy =
    'The column invalid_reason says why a row is invalid; pass files of the same stores and flags.';
  return new BenchError({ code: 'NOTHING_TO_COMPARE', expected, got, remedy });
}
