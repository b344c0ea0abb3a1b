/** Flags that several commands share. */

import { type Export, parseExports } from '../export/parse.ts';
import { either, type Flag, optional, text, value, whole, yes } from './flag.ts';

/** Flags of every command that prints a result. */
export const OUTPUT_FLAGS = {
  json: yes({ spelling: '--json', help: 'rows as JSON on standard output instead of tables', scope: 'view' }),
  verbose: yes({ spelling: '--verbose', help: 'with stack traces', scope: 'view' }),
  color: either({ spelling: '--no-color', help: 'plain tables (or NO_COLOR)', scope: 'view' }),
};

/** Files in addition to the table. */
export const REPORT_FLAGS = {
  markdown: optional({
    spelling: '--markdown <file>',
    help: 'also write the tables as Markdown; replaces the file',
    scope: 'view',
    ...text,
  }),
  exports: {
    spelling: '--export <format=file>',
    help:
      'also write for another tool: github-action-benchmark=FILE (CPU and latency), ' +
      'github-action-benchmark-throughput=FILE or bencher=FILE; repeatable',
    scope: 'view',
    isRepeatable: true,
    parse: (given) => parseExports([given ?? []].flat().map(String)),
  } satisfies Flag<Export[]>,
};

export const SEED_FLAG = value({
  spelling: '--seed <number>',
  help: 'random seed',
  fallback: () => String(Math.floor(Math.random() * 2 ** 31)),
  fallbackHelp: 'random; recorded in the results',
  scope: 'run',
  ...whole(0, 2 ** 32 - 1),
  format: String,
});
