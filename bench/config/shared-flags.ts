/** Flags that several commands share. */

import { parseExports } from '../export/parse.ts';
import { flagsOf, text, whole } from './flag.ts';

const { optional, repeatable, yes, either } = flagsOf('view');

/** Flags of every command that prints a result. */
export const OUTPUT_FLAGS = {
  json: yes('--json', 'rows as JSON on standard output instead of tables'),
  verbose: yes('--verbose', 'with stack traces'),
  color: either('--no-color', 'plain tables (or NO_COLOR)'),
};

/** Files in addition to the table. */
export const REPORT_FLAGS = {
  markdown: optional('--markdown <file>', 'also write the tables as Markdown; replaces the file', text),
  exports: repeatable(
    '--export <format=file>',
    'also write for another tool: github-action-benchmark=FILE (CPU and latency), ' +
      'github-action-benchmark-throughput=FILE or bencher=FILE; repeatable',
    parseExports,
  ),
};

export const SEED_FLAG = flagsOf('run').value(
  '--seed <number>',
  'random seed',
  () => String(Math.floor(Math.random() * 2 ** 31)),
  whole(0, 2 ** 32 - 1),
  { fallbackHelp: 'random; recorded in the results', format: (seed) => String(seed) },
);
