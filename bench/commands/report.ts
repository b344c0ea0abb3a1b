import { flagsOf, parseFlags, pickFlags, text, whole } from '../config/flag.ts';
import { RUN_FLAGS } from '../config/flags.ts';
import { usage } from '../config/values.ts';
import { readPrices } from '../cost/prices.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { checkReportPaths, writeReport } from '../export/write.ts';
import { renderPage } from '../report/page.ts';
import { loadPlotter } from '../report/plotter.ts';
import { readSources } from '../report/source.ts';
import { counted } from '../results/text.ts';
import type { BenchCommand, Call } from './command.ts';
import { PRICES_FLAG } from './cost.ts';
import { checkFiles, checkNotResultFile } from './result-files.ts';

const { value, optional } = flagsOf('start');
const FLAGS = {
  page: value('-o, --out <file>', 'the page; replaces an older one', 'report.html', text),
  rate: optional(
    '--rate <number>',
    'the guide: requests per second at the peak, instead of 10 to 10,000',
    whole(1, 10_000_000),
  ),
  core: optional(
    '--core-price <number>',
    'the guide: what a core costs a month, in your currency',
    whole(0, 1_000_000),
  ),
  prices: { ...PRICES_FLAG, help: 'the guide: your prices, as pnpm bench cost takes them' },
  ...pickFlags(RUN_FLAGS, 'verbose'),
};

const EXAMPLE = 'Write pnpm bench report FILE.csv -o report.html.';

/** `pnpm bench report FILE.csv…`: one self-contained HTML page. Prints its path. */
export const COMMAND: BenchCommand = {
  words: {
    usage: 'FILE.csv… [options]',
    spelling: '[files...]',
    help: 'result files; the records beside them are read too',
  },
  flags: FLAGS,
  run: report,
};

async function report({ given, words }: Call): Promise<ExitCode> {
  const { page, rate, core, prices: file } = parseFlags(FLAGS, given);
  if (words.length === 0) throw usage('result files', 'none', EXAMPLE);
  checkFiles(words, EXAMPLE, 'Name each file once.');
  checkReportPaths({ page });
  checkNotResultFile(page, words);
  const list = file === undefined ? undefined : readPrices(file);
  const sources = readSources(words);
  const markup = renderPage(sources, await loadPlotter(), { rate, core, list });
  writeReport(page, markup, '--out');
  const size = `${Math.ceil(Buffer.byteLength(markup) / 1024)} KiB`;
  const rows = sources.reduce((sum, source) => sum + source.rows.length, 0);
  process.stdout.write(`${page}: ${counted(rows, 'row')} of ${counted(words.length, 'file')}, ${size}\n`);
  return EXIT.ok;
}
