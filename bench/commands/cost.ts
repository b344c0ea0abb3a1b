import { existsSync } from 'node:fs';
import { CONTROL } from '../../stores/registry.ts';
import { flagsOf, parseFlags, pickFlags, text, whole } from '../config/flag.ts';
import { RUN_FLAGS } from '../config/flags.ts';
import { conflict, quoted, usage } from '../config/values.ts';
import { usesOf, verdictAt } from '../cost/cost.ts';
import { type PriceList, pricesTemplate, readPrices } from '../cost/prices.ts';
import { costTable, useTable, volumeText } from '../cost/tables.ts';
import { BenchError, EXIT, type ExitCode } from '../errors.ts';
import { writeReport } from '../export/write.ts';
import { groupBy } from '../results/blocks.ts';
import { readResultFile } from '../results/csv.ts';
import { groupsOf, type RowGroup } from '../results/groups.ts';
import { drawTable, wrap } from '../results/text.ts';
import { usesColor } from './color.ts';
import type { BenchCommand, Call } from './command.ts';
import { checkFiles } from './result-files.ts';

const { value, optional } = flagsOf('start');
const PRICES_HELP = 'what CPU, memory, traffic and services cost you, as JSON';
export const PRICES_FLAG = optional('--prices <file>', PRICES_HELP, text);
const FLAGS = {
  prices: PRICES_FLAG,
  init: optional('--init-prices <file>', 'writes a file of prices to fill in, and ends', text),
  rate: value('--rate <number>', 'requests per second on average', '100', whole(1, 10_000_000)),
  sessions: value('--sessions <count>', 'live sessions', '100000', whole(0, 1_000_000_000)),
  ...pickFlags(RUN_FLAGS, 'verbose', 'color'),
};

const EXAMPLE = 'Write pnpm bench cost FILE.csv --prices prices.json.';

/** `pnpm bench cost FILE.csv…`: what a million requests and a million live sessions take, and what they cost you. */
export const COMMAND: BenchCommand = {
  words: { usage: 'FILE.csv… [options]', spelling: '[files...]', help: 'result files' },
  flags: FLAGS,
  run: async (call) => cost(call),
};

function cost({ given, words }: Call): ExitCode {
  const { prices: file, init, rate, sessions } = parseFlags(FLAGS, given);
  if (init !== undefined) return writeTemplate(init, words, file);
  if (words.length === 0) throw usage('result files', 'none', EXAMPLE);
  checkFiles(words, EXAMPLE, 'Name each file once.');
  const prices = file === undefined ? undefined : readPrices(file);
  const texts = words.flatMap((path) =>
    groupBy(readResultFile(path), (row) => row.run_id ?? '')
      .flatMap(groupsOf)
      .flatMap((group) => {
        const shown = groupText(group, prices, { rate, sessions }, usesColor(given));
        return shown === undefined ? [] : [words.length === 1 ? shown : `${path}\n${shown}`];
      }),
  );
  if (texts.length === 0) {
    const expected = `usable rows with CPU per request in ${words.join(', ')}`;
    throw new BenchError({ code: 'NOTHING_TO_REPORT', expected, got: 'none', remedy: EXAMPLE });
  }
  process.stdout.write(`${texts.join('\n\n')}\n`);
  return EXIT.ok;
}

/** Does not replace a file: it may be filled in. */
function writeTemplate(path: string, words: readonly string[], prices: string | undefined): ExitCode {
  if (words.length > 0 || prices !== undefined) {
    throw conflict(
      '--init-prices alone',
      'result files or --prices',
      'Write the file first, and fill it in.',
    );
  }
  if (existsSync(path)) throw usage('a new file for --init-prices', quoted(path), 'Name another file.');
  writeReport(path, pricesTemplate(), '--init-prices');
  process.stdout.write(`${path}: fill in each null; one of serviceMonth only where it is paid as a whole\n`);
  return EXIT.ok;
}

/** The tables of one group; `undefined` where nothing is known of its cost. */
function groupText(
  { title, rows }: RowGroup,
  prices: PriceList | undefined,
  volume: { rate: number; sessions: number },
  color: boolean,
): string | undefined {
  const uses = usesOf(rows).filter(({ cpuSeconds }) => cpuSeconds.both !== undefined);
  if (uses.length === 0) return undefined;
  const chosen = uses.filter(({ name }) => name !== CONTROL.name);
  const cores = chosen.map(({ cpuSeconds }) => ((cpuSeconds.both ?? 0) * volume.rate) / 1e6);
  const money =
    prices === undefined ? [] : ['', volumeText(volume), drawTable(costTable(uses, prices, volume), color)];
  const verdict = chosen.length < 2 ? [] : ['', verdictAt(cores, volume.rate)];
  return [wrap(title), drawTable(useTable(uses), color), ...money, ...verdict]
    .join('\n')
    .replace(/ +$/gm, '');
}
