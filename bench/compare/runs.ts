import { BenchError } from '../errors.ts';
import { spoiltBlocks } from '../results/blocks.ts';
import { cellText, type Row } from '../results/row.ts';
import { counted } from '../results/text.ts';
import { CONFIDENCE, FAMILY_ALPHA, MIN_RUNS } from '../stats/levels.ts';
import { median } from '../stats/median.ts';
import {
  type Stratum,
  smallestRankSumP,
  stratifiedRankSumEstimate,
  stratifiedRankSumTest,
} from '../stats/rank-sum.ts';
import { smallestEffect } from '../stats/smallest-effect.ts';
import { type Cell, cellsOf } from './cells.ts';
import {
  type Comparison,
  checkHasRows,
  decidedFindings,
  invalidCell,
  mostSevere,
  nothing,
  unmatchedCells,
} from './compare.ts';
import { decide, type Question } from './decide.ts';
import type { Finding } from './finding.ts';
import { commitText, machineDifference, type Names } from './machine.ts';
import { columnsIn, figureOf, isMeasured, logMargin, METRICS, type Metric, mayGate } from './metrics.ts';
import { percentText } from './percent.ts';
import type { Evidence } from './sample.ts';
import { type Dated, datesOf, orderFault, type RunFile } from './sessions.ts';
import { isEqualLoad } from './size.ts';
import { warningsOf } from './warnings.ts';

/** One configuration in all runs of a side. */
interface SideCell extends Cell {
  /** The valid rows of each run that has any, and its session. */
  runs: { rows: Row[]; session: number }[];
}

interface Pair {
  base: SideCell;
  head: SideCell;
}

const SIDES: Names = { base: 'the files of --base', head: 'the files of --head' };

/**
 * Compares several runs on each side, cell by cell and metric by metric. Pure.
 *
 * The unit is the run: its figure is the median over its valid blocks, as measured, and runs are compared by rank, each
 * with those of its session, which ends where no run starts for three hours: days differ by more than a change. The
 * same code differs from run to run by more than the blocks of a run show, so the highest level that varies is what is
 * repeated, and blocks only make the figure of their run exact. Fewer than six runs on a side, or runs of two machines,
 * inform and decide nothing.
 *
 * Source: Kalibera and Jones, Rigorous Benchmarking in Reasonable Time, 2013.
 *
 * @throws BenchError CSV_INVALID for a file of several runs or a run in two files, NOTHING_TO_COMPARE
 */
export function compareRuns(base: readonly RunFile[], head: readonly RunFile[]): Comparison {
  const files = [...base, ...head];
  checkRunIds(files);
  const difference = differencesOf(files);
  const dates = datesOf(base, head);
  const sides = { base: sideCells(base, dates.base), head: sideCells(head, dates.head) };
  const pairs = [...sides.base.values()].flatMap((cell) => {
    const other = sides.head.get(cell.key);
    return other === undefined ? [] : [{ base: cell, head: other }];
  });
  if (pairs.length === 0) throw nothing('a configuration that both sides measured', 'none in common');
  const sessions = new Set([...dates.base, ...dates.head].map(({ session }) => session)).size;
  const runs = { base: base.length, head: head.length, sessions };
  const isEnough = Math.min(runs.base, runs.head) >= MIN_RUNS;
  const obstacle = difference.length > 0 ? 'runs of two machines' : isEnough ? orderFault(dates) : undefined;
  const isDeciding = isEnough && obstacle === undefined;

  const asked = pairs.filter((pair) => pair.base.runs.length > 0 && pair.head.runs.length > 0);
  const questions = asked.flatMap((pair) => questionsOf(pair));
  const deciding = questions.filter(({ question }) => question.informative === undefined).length;
  const asking = questions.map(({ question }) => {
    if (isDeciding) return question;
    const informative = obstacle ?? tooFewRuns(runs, question, Math.max(1, deciding));
    return { ...question, informative };
  });
  const findings = decidedFindings(questions, decide(asking, MIN_RUNS));
  findings.push(
    ...pairs.flatMap((pair) => invalidCell(pair, SIDES, isDeciding)),
    ...unmatched(sides.base, sides.head, SIDES.base, isDeciding),
    ...unmatched(sides.head, sides.base, SIDES.head, false),
  );
  return {
    paired: false,
    runs,
    findings,
    commits: { base: commitText(rowsOf(base)), head: commitText(rowsOf(head)) },
    warnings: warningsOf(asked, difference, false, SIDES),
    verdict: mostSevere(findings),
  };
}

const rowsOf = (files: readonly RunFile[]) => files.flatMap(({ rows }) => rows);

/** The cells of all runs of a side, in the order of the files. */
function sideCells(files: readonly RunFile[], dates: readonly Dated[]): Map<string, SideCell> {
  const merged = new Map<string, SideCell>();
  for (const [index, { name, rows }] of files.entries()) {
    const { session = 0 } = dates[index] ?? {};
    const cells = cellsOf(rows, name, spoiltBlocks(rows));
    checkHasRows([...cells.values()], name);
    for (const cell of cells.values()) {
      const before = merged.get(cell.key);
      const blocks = [...cell.blocks].map(([block, row]) => [`${index} ${block}`, row] as const);
      merged.set(cell.key, {
        ...cell,
        blocks: new Map([...(before?.blocks ?? []), ...blocks]),
        invalid: cell.invalid + (before?.invalid ?? 0),
        dropped: cell.dropped + (before?.dropped ?? 0),
        supported: cell.supported || before?.supported === true,
        runs: [
          ...(before?.runs ?? []),
          ...(blocks.length === 0 ? [] : [{ rows: [...cell.blocks.values()], session }]),
        ],
      });
    }
  }
  return merged;
}

function questionsOf(pair: Pair): { configuration: Row; question: Question }[] {
  const { configuration } = pair.head;
  const rows = allRows(pair);
  return METRICS.filter((metric) => isMeasured(metric, rows)).map((metric) => {
    const evidence = evidenceOfRuns(metric, pair);
    const load = isEqualLoad(configuration) ? 'equal load informs here' : undefined;
    const informative = mayGate(metric, configuration) ? load : 'does not decide here';
    return { configuration, question: { metric, evidence, informative } };
  });
}

const allRows = ({ base, head }: Pair) => [...base.runs, ...head.runs].flatMap(({ rows }) => rows);

/** The evidence of all runs with a valid block on a metric, in sessions that have runs of both sides. */
function evidenceOfRuns(metric: Metric, { base, head }: Pair): Evidence {
  const columns = columnsIn(metric, allRows({ base, head }));
  const figuresIn = ({ runs }: SideCell, session: number) =>
    runs
      .filter((run) => run.session === session)
      .map(({ rows }) =>
        median(rows.map((row) => figureOf(row, columns)).filter((figure) => figure !== undefined)),
      )
      .filter((figure) => figure !== undefined);
  const sessions = [...new Set([...base.runs, ...head.runs].map(({ session }) => session))];
  const both = sessions
    .map((session): Stratum => ({ base: figuresIn(base, session), head: figuresIn(head, session) }))
    .filter((one) => one.base.length > 0 && one.head.length > 0);
  const [before, after] = [both.flatMap((one) => one.base), both.flatMap((one) => one.head)];
  const logs = both.map((one) => ({ base: one.base.map(Math.log), head: one.head.map(Math.log) }));
  return {
    method: 'runs',
    blocks: { base: before.length, head: after.length },
    medians: { base: median(before), head: median(after) },
    shift: stratifiedRankSumEstimate(logs, CONFIDENCE),
    test: stratifiedRankSumTest(logs),
    smallestP: logs.reduce((p, one) => p * smallestRankSumP(one.head.length, one.base.length), 1),
  };
}

/**
 * Why so few runs give no verdict, with the least change that six on each side would show at their scatter. The
 * interval shortens with √(1/n + 1/m).
 */
function tooFewRuns(
  { base, head }: Pick<Comparison['runs'] & {}, 'base' | 'head'>,
  question: Question,
  figures: number,
): string {
  const { metric, evidence } = question;
  const { blocks, shift } = evidence;
  const shorter = Math.sqrt(2 / MIN_RUNS / (1 / blocks.base + 1 / blocks.head));
  const ofSix = { ...shift, lower: shift.lower * shorter, upper: shift.upper * shorter };
  const rule = { alpha: FAMILY_ALPHA / figures, margin: logMargin(metric) };
  const seen = smallestEffect(ofSix, CONFIDENCE, rule);
  const change = percentText(metric.worse === 'higher' ? seen : -seen);
  const least = Number.isFinite(seen)
    ? `the least visible change would be ${change} with six at this scatter`
    : 'the scatter of so few gives no least visible change';
  return `${counted(base, 'run')} against ${head}; a verdict needs ${MIN_RUNS} on each side; ${least}`;
}

/** Cells of one side alone. A rate at equal load is that of its run, so its cells differ and are not missed. */
function unmatched(
  cells: Map<string, SideCell>,
  others: Map<string, SideCell>,
  side: string,
  isMissed: boolean,
): Finding[] {
  return unmatchedCells(cells, others, `only in ${side}`, 'INFORMATIVE').map((finding) =>
    isMissed && !isEqualLoad(finding.configuration) ? { ...finding, verdict: 'INCONCLUSIVE' } : finding,
  );
}

function differencesOf([first, ...others]: readonly RunFile[]): string[] {
  const against = (one: RunFile, other: RunFile) =>
    machineDifference(one.rows, other.rows, { base: one.name, head: other.name });
  return first === undefined ? [] : [...new Set(others.flatMap((other) => against(first, other)))];
}

function checkRunIds(files: readonly RunFile[]): void {
  const known = new Map<string, string>();
  for (const { name, rows } of files) {
    const ids = [...new Set(rows.map((row) => cellText(row.run_id)))];
    const [id] = ids;
    if (id === undefined) continue;
    if (ids.length > 1 || id === '') {
      const got = ids.map((one) => one || 'empty').slice(0, 2);
      throw wrongRun(
        `rows of one run in ${name}`,
        `run_id ${got.join(' and ')}`,
        'Name a file for each run.',
      );
    }
    const before = known.get(id);
    if (before !== undefined) {
      const remedy =
        'A run counts once. Compare the two files of a gate as pnpm bench compare BASE.csv HEAD.csv.';
      throw wrongRun('another run in each file', `run_id ${id} in ${before} and ${name}`, remedy);
    }
    known.set(id, name);
  }
}

function wrongRun(expected: string, got: string, remedy: string): BenchError {
  return new BenchError({ code: 'CSV_INVALID', expected, got, remedy });
}
