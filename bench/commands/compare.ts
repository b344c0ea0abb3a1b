import { existsSync, realpathSync, statSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { type Comparison, compareRows } from '../compare/compare.ts';
import { summaryLine } from '../compare/format.ts';
import { comparisonRecords } from '../compare/json.ts';
import { renderMarkdown } from '../compare/markdown.ts';
import { renderComparison } from '../compare/table.ts';
import { parseFlags, pickFlags, type ValuesOf } from '../config/flag.ts';
import { RUN_FLAGS } from '../config/flags.ts';
import { type RawOptions, usage } from '../config/values.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { entriesOfComparison } from '../export/entries.ts';
import { reportPath } from '../export/parse.ts';
import { writeExports, writeReport } from '../export/write.ts';
import { readResultFile } from '../results/csv.ts';
import { readEnvironmentRecord } from '../results/env-file.ts';
import type { SequentialPlan } from '../results/gate-plan.ts';
import { usesColor } from './color.ts';
import { type BenchCommand, ended, printJson } from './command.ts';

/** Flags that decide how a comparison is shown. */
export const COMPARISON_FLAGS = pickFlags(
  RUN_FLAGS,
  ['strict', { help: 'INCONCLUSIVE ends with 4 instead of 0' }],
  ['json', { help: 'findings as a JSON array on standard output instead of the table' }],
  ['markdown', { help: 'also write the table for a pull request; replaces the file' }],
  'exports',
  'verbose',
  'color',
);

/** `pnpm bench compare BASE.csv HEAD.csv`: prints a table or JSON; the exit code is the verdict's. */
export const COMMAND: BenchCommand = {
  words: {
    usage: 'BASE.csv HEAD.csv [options]',
    spelling: '[files...]',
    help: 'result files: the baseline, and the one to judge',
  },
  flags: COMPARISON_FLAGS,
  run: async ({ words, given }) => compareFiles(words, given),
};

function compareFiles(files: readonly string[], given: RawOptions): ExitCode {
  const [base, head] = checkedFiles(files);
  const options = parseFlags(COMPARISON_FLAGS, given, { env: {} });
  const { markdown, exports } = options;
  if (markdown !== undefined) checkNotResultFile(reportPath('markdown', markdown, '.md'), [base, head]);
  for (const { path } of exports) checkNotResultFile(path, [base, head]);
  const comparison = compareRows(
    readResultFile(base),
    readResultFile(head),
    { base, head },
    planOf(base, head),
  );
  return reportComparison(comparison, options, usesColor(given));
}

/** The plan of a gate that wrote both files; `undefined` for files of other commands. */
function planOf(base: string, head: string): SequentialPlan | undefined {
  const [one, other] = [base, head].map((file) => readEnvironmentRecord(file)?.gate);
  return one !== undefined && isDeepStrictEqual(one, other) ? one : undefined;
}

type ReportOptions = Pick<ValuesOf<typeof COMPARISON_FLAGS>, 'markdown' | 'exports' | 'json' | 'strict'>;

/** Prints a comparison as the flags say, and writes its reports. Returns the exit code of its verdict. */
export function reportComparison(comparison: Comparison, options: ReportOptions, color: boolean): ExitCode {
  const { markdown, exports, json, strict } = options;
  if (markdown !== undefined) writeReport(markdown, renderMarkdown(comparison), '--markdown');
  writeExports(exports, entriesOfComparison(comparison));
  if (json) {
    printJson(comparisonRecords(comparison));
    for (const warning of comparison.warnings) process.stderr.write(`session-bench: warning: ${warning}\n`);
  } else process.stdout.write(renderComparison(comparison, color));
  const { verdict } = comparison;
  if (verdict === 'OK' || verdict === 'IMPROVED') return EXIT.ok;
  const isInvalid = verdict === 'INVALID' || (verdict === 'INCONCLUSIVE' && strict);
  const code = verdict === 'REGRESSED' ? EXIT.regression : isInvalid ? EXIT.invalid : EXIT.ok;
  return ended(code, summaryLine(comparison));
}

function checkedFiles(files: readonly string[]): [base: string, head: string] {
  const [base, head] = files;
  const example = 'Write pnpm bench compare BASE.csv HEAD.csv.';
  if (base === undefined || head === undefined || files.length !== 2) {
    throw usage('two result files, BASE.csv and HEAD.csv', `${files.length}`, example);
  }
  for (const file of [base, head]) {
    if (!existsSync(file)) throw usage('a result file', `"${file}", which does not exist`, example);
    if (!statSync(file).isFile()) throw usage('a result file', `"${file}", which is not a file`, example);
  }
  if (realpathSync(base) === realpathSync(head)) {
    throw usage('two different files', `"${base}" twice`, 'A file compared with itself says nothing.');
  }
  return [base, head];
}

/** A report must not replace a result file, whatever its name. */
function checkNotResultFile(path: string, files: readonly string[]): void {
  if (!existsSync(path) || files.every((file) => realpathSync(file) !== realpathSync(path))) return;
  throw usage('another file for the report', `"${path}", which is compared`, 'Name a new one.');
}
