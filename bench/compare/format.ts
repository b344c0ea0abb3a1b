import { rowArmText } from '../../stores/variant.ts';
import { type ColumnName, cellText, type Row } from '../results/row.ts';
import { counted, plain, whole } from '../results/text.ts';
import { CONFIGURATION_COLUMNS } from './cells.ts';
import type { Comparison } from './compare.ts';
import type { Finding } from './finding.ts';
import { percentText } from './percent.ts';
import { certaintyOf, type Evidence } from './sample.ts';

/** A p above this is shown as no difference: `~`, as in benchstat. */
const NO_DIFFERENCE_ABOVE = 0.05;

/**
 * The change with its interval; `~` where no difference is shown. For two runs only the change: the interval of their
 * blocks does not include the differences between runs.
 */
export function changeText(evidence: Evidence): string {
  const { shift, test } = evidence;
  if (shift.estimate === undefined) return '';
  if (certaintyOf(evidence) === undefined) return percentText(shift.estimate).replace(' %', '%');
  const estimate = test.pTwoSided > NO_DIFFERENCE_ABOVE ? '~' : percentText(shift.estimate);
  return `${estimate} [${percentText(shift.lower)}, ${percentText(shift.upper)}]`.replaceAll(' %', '%');
}

/** Two-sided and not adjusted, as in benchstat; empty for two runs, like their interval. */
export function pText(evidence: Evidence): string {
  const test = certaintyOf(evidence)?.test;
  if (test === undefined) return '';
  return test.pTwoSided < 0.001 ? '<0.001' : test.pTwoSided.toFixed(3);
}

/** Number of blocks, or of runs: one number when paired or equal. */
export function blocksText({ blocks }: Evidence): string {
  return blocks.base === blocks.head ? String(blocks.base) : `${blocks.base}+${blocks.head}`;
}

/** A median in the unit of its metric. */
export function medianText(value: number | undefined): string {
  if (value === undefined) return '';
  return value < 1000 ? value.toFixed(1) : whole(value);
}

/** What all these configurations share, on one line, and a name for each by its differences. */
export function cellNames(configurations: readonly Row[]): { shared: string; nameOf: (one: Row) => string } {
  const varies = (column: ColumnName, rows: readonly Row[]) =>
    new Set(rows.map((row) => cellText(row[column]))).size > 1;
  const text = (row: Row, columns: readonly ColumnName[], join: string) =>
    columns
      .filter((column) => row[column] !== undefined)
      .map((column) => `${column}${join}${plain(cellText(row[column]))}`);
  const [first = {}] = configurations;
  const common = CONFIGURATION_COLUMNS.filter(
    (column) => column !== 'store' && !varies(column, configurations),
  );
  return {
    shared: text(first, common, ' ').join(', '),
    nameOf: (one) => {
      const kin = configurations.filter((other) => rowArmText(other) === rowArmText(one));
      const own = CONFIGURATION_COLUMNS.filter((column) => varies(column, kin));
      return [plain(rowArmText(one)), ...text(one, own, '=')].join(' ');
    },
  };
}

/** The summary: the verdict, and what decided it. */
export function summaryLine({ findings, verdict }: Comparison): string {
  const { nameOf } = cellNames(findings.map(({ configuration }) => configuration));
  const those = findings.filter((one) => one.verdict === verdict);
  const named = (one: Finding) => {
    const name = nameOf(one.configuration);
    if (one.metric === undefined || one.evidence === undefined) return `${name}: ${one.reason}`;
    const change = one.evidence.shift.estimate;
    return `${name} ${one.metric.label}${change === undefined ? '' : ` ${percentText(change)}`}`;
  };
  const deciding = findings.filter((one) => one.verdict !== 'INFORMATIVE').length;
  if (deciding === 0) return `NO VERDICT: ${findings[0]?.reason ?? 'nothing here decides'}`;
  const list = those.slice(0, 5).map(named).join('; ');
  const more = those.length > 5 ? `; and ${those.length - 5} more` : '';
  const counted = `${verdict}: ${those.length} of ${deciding}`;
  return verdict === 'OK'
    ? `NO REGRESSION: all ${deciding} below their margins`
    : `${counted}: ${list}${more}`;
}

/** The method of comparison, for the line above a table. */
export function methodText({ paired, runs }: Comparison): string {
  if (runs !== undefined) {
    const within = runs.sessions > 1 ? `, each within its session, of ${runs.sessions}` : '';
    return `${counted(runs.base, 'run')} against ${runs.head}${within}`;
  }
  return paired ? 'paired by block' : 'one run on each side: no verdict';
}

/** A verdict for people; JSON keeps the word. */
export function verdictText({ verdict, metric }: Pick<Finding, 'verdict' | 'metric'>): string {
  if (verdict === 'INFORMATIVE') return 'no verdict';
  if (verdict === 'SLOWER') return 'slower, below the margin';
  if (verdict !== 'OK' || metric === undefined) return verdict;
  return `no regression ≥ ${Math.round(metric.margin * 100)} %`;
}

/** The commits of both sides; empty when neither is known. */
export function commitsText({ commits: { base, head } }: Comparison): string {
  if (base === '' && head === '') return '';
  return base === head ? `both of ${plain(base)}` : `base ${plain(base || '?')}, head ${plain(head || '?')}`;
}
