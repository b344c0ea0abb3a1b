import { existsSync, realpathSync, statSync } from 'node:fs';
import { type Comparison, compareRows } from '../compare/compare.ts';
import { summaryLine } from '../compare/format.ts';
import { comparisonRecords } from '../compare/json.ts';
import { renderMarkdown } from '../compare/markdown.ts';
import { renderComparison } from '../compare/table.ts';
import { RUN_FLAGS } from '../config/flags.ts';
import { OUTPUT_FLAGS, REPORT_FLAGS } from '../config/shared-flags.ts';
import { asList, type RawOptions, usage } from '../config/values.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { entriesOfComparison } from '../export/entries.ts';
import { parseExports, reportPath } from '../export/parse.ts';
import { writeExports, writeReport } from '../export/write.ts';
import { readResultFile } from '../results/csv.ts';
import { usesColor } from './color.ts';
import type { BenchCommand } from './command.ts';

/** `pnpm bench compare BASE.csv HEAD.csv`: prints a table or JSON; the exit code is the verdict's. */
export const compareCommand: BenchCommand = {
  words: {
    usage: 'BASE.csv HEAD.csv [options]',
    spelling: '[files...]',
    help: 'result files: the baseline, and the one to judge',
  },
  flags: {
    strict: { ...RUN_FLAGS.strict, help: 'INCONCLUSIVE ends with 4 instead of 0' },
    json: { ...OUTPUT_FLAGS.json, help: 'findings as a JSON array on standard output instead of the table' },
    markdown: {
      ...REPORT_FLAGS.markdown,
      help: 'also write the table for a pull request; replaces the file',
    },
    exports: REPORT_FLAGS.exports,
    verbose: OUTPUT_FLAGS.verbose,
    color: OUTPUT_FLAGS.color,
  },
  run: async ({ words, given }) => compareFiles(words, given),
};

function compareFiles(files: readonly string[], options: RawOptions): ExitCode {
  const [base, head] = checkedFiles(files);
  const markdown = options['markdown'];
  if (typeof markdown === 'string') checkNotResultFile(reportPath('markdown', markdown, '.md'), [base, head]);
  const exports = parseExports(asList(options['export']));
  for (const { path } of exports) checkNotResultFile(path, [base, head]);
  const comparison = compareRows(readResultFile(base), readResultFile(head), { base, head });
  return reportComparison(comparison, options);
}

/** Prints a comparison as the flags say, and writes its reports. Returns the exit code of its verdict. */
export function reportComparison(comparison: Comparison, options: RawOptions): ExitCode {
  const markdown = options['markdown'];
  if (typeof markdown === 'string') writeReport(markdown, renderMarkdown(comparison), '--markdown');
  writeExports(parseExports(asList(options['export'])), entriesOfComparison(comparison));
  const color = usesColor(options);
  process.stdout.write(
    options['json'] === true
      ? `${JSON.stringify(comparisonRecords(comparison), undefined, 2)}\n`
      : renderComparison(comparison, color),
  );
  if (options['json'] === true) {
    for (const warning of comparison.warnings) process.stderr.write(`session-bench: warning: ${warning}\n`);
  }
  return exitCodeOf(comparison, options['strict'] === true);
}

function exitCodeOf(comparison: Comparison, strict: boolean): ExitCode {
  const { verdict } = comparison;
  if (verdict === 'OK' || verdict === 'IMPROVED') return EXIT.ok;
  process.stderr.write(`session-bench: ${summaryLine(comparison)}\n`);
  if (verdict === 'REGRESSED') return EXIT.regression;
  return verdict === 'INVALID' || strict ? EXIT.invalid : EXIT.ok;
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
