import { existsSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { type Comparison, compareRows } from './compare/compare.ts';
import { summaryLine } from './compare/format.ts';
import { comparisonRecords } from './compare/json.ts';
import { renderMarkdown } from './compare/markdown.ts';
import { renderComparison } from './compare/table.ts';
import { type RawOptions, usage } from './config.ts';
import { BenchError, EXIT, type ExitCode, messageOf } from './errors.ts';
import { readResultFile } from './results/csv.ts';

/** `pnpm bench compare BASE.csv HEAD.csv`: two result files in, table or JSON on standard output, exit code out. */
export function compareCommand(files: readonly string[], options: RawOptions): ExitCode {
  const [base, head] = checkedFiles(files);
  const markdown = options['markdown'];
  if (typeof markdown === 'string') refuseResultFile(markdown, [base, head]);
  const comparison = compareRows(readResultFile(base), readResultFile(head), { base, head });
  if (typeof markdown === 'string') writeReport(markdown, renderMarkdown(comparison));
  const color = process.stdout.isTTY === true && options['color'] !== false && !process.env['NO_COLOR'];
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
    if (!statSync(file).isFile()) throw usage('a result file', `"${file}", which is no file`, example);
  }
  if (realpathSync(base) === realpathSync(head)) {
    throw usage('two different files', `"${base}" twice`, 'A file compared with itself says nothing.');
  }
  return [base, head];
}

/** A report is made anew each time and may replace an older one, but never what was measured. */
function refuseResultFile(path: string, files: readonly string[]): void {
  const same = existsSync(path) && files.some((file) => realpathSync(file) === realpathSync(path));
  if (!same && !path.endsWith('.csv')) return;
  throw usage('a file for the report in --markdown', `"${path}"`, 'Name one that ends in .md.');
}

function writeReport(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new BenchError({
      code: 'OUTPUT_UNWRITABLE',
      expected: `to write ${path}`,
      got: messageOf(error),
      remedy: 'Name a file that can be written with --markdown.',
      cause: error,
    });
  }
}
