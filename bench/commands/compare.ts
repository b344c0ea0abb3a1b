import { isDeepStrictEqual } from 'node:util';
import { type Comparison, compareRows } from '../compare/compare.ts';
import { summaryLine } from '../compare/format.ts';
import { comparisonRecords } from '../compare/json.ts';
import { renderMarkdown } from '../compare/markdown.ts';
import { compareRuns } from '../compare/runs.ts';
import { renderComparison } from '../compare/table.ts';
import { flagsOf, type Kind, parseFlags, pickFlags, type ValuesOf } from '../config/flag.ts';
import { RUN_FLAGS } from '../config/flags.ts';
import { listOf, type RawOptions, usage } from '../config/values.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { entriesOfComparison } from '../export/entries.ts';
import { reportPath } from '../export/parse.ts';
import { writeExports, writeReport } from '../export/write.ts';
import { readResultFile } from '../results/csv.ts';
import { readEnvironmentRecord } from '../results/env-file.ts';
import type { SequentialPlan } from '../results/gate-plan.ts';
import { usesColor } from './color.ts';
import { type BenchCommand, ended, printJson } from './command.ts';
import { checkFiles, checkNotResultFile } from './result-files.ts';

type Files = [string, ...string[]];
/** Files separated by commas. One named twice stays twice, and is reported. */
const FILES: Kind<Files> = {
  parse: (text, name) => {
    listOf(name, text);
    const [first = '', ...others] = text.split(',').map((file) => file.trim());
    return [first, ...others];
  },
};
const { optional } = flagsOf('start');
const RUNS_FLAGS = {
  base: optional(
    '--base <files>',
    'instead of two files: the runs of the baseline, A.csv,B.csv; a file is a run, and a verdict needs six on each side',
    FILES,
  ),
  head: optional('--head <files>', 'with --base: the runs to judge', FILES),
};

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
const FLAGS = { ...RUNS_FLAGS, ...COMPARISON_FLAGS };

/** `pnpm bench compare BASE.csv HEAD.csv`, or several runs a side: prints a table or JSON; the exit code is the verdict's. */
export const COMMAND: BenchCommand = {
  words: {
    usage: '(BASE.csv HEAD.csv | --base A,B --head C,D) [options]',
    spelling: '[files...]',
    help: 'two result files: the baseline, and the one to judge',
  },
  flags: FLAGS,
  run: async ({ words, given }) => compareFiles(words, given),
};

function compareFiles(files: readonly string[], given: RawOptions): ExitCode {
  const options = parseFlags(FLAGS, given);
  const { markdown, exports } = options;
  const sides = sidesOf(files, options);
  const all = [...sides.base, ...sides.head];
  checkFiles(all, options.base === undefined ? EXAMPLE : EXAMPLE_OF_RUNS, ONCE);
  if (markdown !== undefined) checkNotResultFile(reportPath('markdown', markdown, '.md'), all);
  for (const { path } of exports) checkNotResultFile(path, all);
  const read = (name: string) => ({ name, rows: readResultFile(name) });
  const comparison =
    options.base === undefined
      ? compareTwo(sides.base[0], sides.head[0])
      : compareRuns(sides.base.map(read), sides.head.map(read));
  return reportComparison(comparison, options, usesColor(given));
}

function compareTwo(base: string, head: string): Comparison {
  return compareRows(readResultFile(base), readResultFile(head), { base, head }, planOf(base, head));
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

/** The files of each side, from the two words or from the two flags. */
function sidesOf(
  words: readonly string[],
  { base, head }: Pick<ValuesOf<typeof RUNS_FLAGS>, 'base' | 'head'>,
): { base: Files; head: Files } {
  const [baseWord, headWord] = words;
  if (base === undefined && head === undefined) {
    if (baseWord === undefined || headWord === undefined || words.length !== 2)
      throw usage('two result files, BASE.csv and HEAD.csv', `${words.length}`, EXAMPLE);
    return { base: [baseWord], head: [headWord] };
  }
  if (words.length > 0) {
    const got = `also "${words[0]}"`;
    throw usage('files in --base and --head alone, separated by commas without spaces', got, EXAMPLE_OF_RUNS);
  }
  if (base === undefined || head === undefined) {
    const [missing, present] = base === undefined ? ['--base', '--head'] : ['--head', '--base'];
    throw usage(`files for ${missing}`, `${present} alone`, EXAMPLE_OF_RUNS);
  }
  return { base, head };
}

const ONCE = 'Name each file once: compared with itself it says nothing.';
const EXAMPLE = 'Write pnpm bench compare BASE.csv HEAD.csv.';
const EXAMPLE_OF_RUNS = 'Write pnpm bench compare --base A.csv,B.csv --head C.csv,D.csv.';
