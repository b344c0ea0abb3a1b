import { Command } from 'commander';
import { runToExitCode } from '../command.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { refuseReports, writeReport } from '../export/write.ts';
import { createProgress } from '../progress.ts';
import { serviceUrlFlags } from '../service-urls.ts';
import type { RawOptions } from '../values.ts';
import type { Cell } from './check.ts';
import { parseConformance } from './config.ts';
import { runConformance } from './conformance.ts';
import { layOutMatrix } from './matrix.ts';
import { renderMatrix, renderMatrixMarkdown } from './render.ts';

/** A backend's checks at all its places, until one has been timed. */
const COLUMN_GUESS_MS = 50_000;

/** `pnpm conformance`: its flags. Values are checked by parseConformance, which knows the defaults. */
function createProgram(): Command {
  const command = new Command('pnpm conformance')
    .description('What each backend can and cannot do, shown by black-box checks over real HTTP.')
    .option('--store <names>', 'backends, with options as in redis:write=lww (default: all but the control)')
    .option('--servers <count>', 'server processes (default: 3)')
    .option('--balancer <names>', 'haproxy, nginx, node or auto, a list (default: auto)')
    .option('--affinity <names>', 'sticky, round-robin (default: both)')
    .option('--durability <level>', 'none, second or commit, for every service (default: second)')
    .option('--only <ids>', 'numbers of checks, such as 14,15 or 2a (default: all)')
    .option('--tries <count>', 'tries of each race, at least 9 (default: 20)')
    .option('--target <url>', 'a site that somebody else runs, instead of ours; needs --contract')
    .option('--contract <file>', 'its endpoints and what it says of itself, as JSON')
    .option('--services <tier>', 'auto, url, docker, local or embedded (default: auto)')
    .option('--json', 'cells as a JSON array on standard output instead of the matrix')
    .option('--markdown <file>', 'also write the matrix as Markdown; replaces the file')
    .option('--seed <number>', 'of everything random (default: random, printed)')
    .option('--verbose', 'with stack traces')
    .option('--no-color', 'plain text (or NO_COLOR)')
    .configureOutput({ writeErr: () => undefined })
    .exitOverride();
  for (const [flag, help] of serviceUrlFlags('; it is not broken then')) command.option(flag, help);
  return command;
}

async function look(argv: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  const program = createProgram();
  program.parse([...argv], { from: 'user' });
  const options = program.opts<RawOptions>();
  const config = parseConformance(options, process.env);
  refuseReports(config);
  const progress = createProgress(process.stderr, COLUMN_GUESS_MS);
  progress.say(`seed ${config.seed}`);
  const { cells, isStopped } = await runConformance(config, progress, signal).finally(progress.close);
  const matrix = layOutMatrix(cells);
  const color = process.stdout.isTTY === true && options['color'] !== false && !process.env['NO_COLOR'];
  process.stdout.write(config.json ? renderJson(cells) : renderMatrix(matrix, color));
  if (config.markdown !== undefined) writeReport(config.markdown, renderMatrixMarkdown(matrix), '--markdown');
  if (isStopped) return EXIT.failure;
  if (matrix.surprises.length === 0) return EXIT.ok;
  process.stderr.write(
    `session-bench: ${matrix.surprises.length} of ${cells.length} cells are not as expected\n`,
  );
  return EXIT.failure;
}

function renderJson(cells: readonly Cell[]): string {
  return `${JSON.stringify(cells, undefined, 2)}\n`;
}

const argv = process.argv.slice(2);
process.exitCode = await runToExitCode(argv, createProgram, (signal) => look(argv, signal));
