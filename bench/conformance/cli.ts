import { Command } from 'commander';
import { usesColor } from '../commands/color.ts';
import { runToExitCode } from '../commands/exit-code.ts';
import { addFlags, givenFlags } from '../config/flag.ts';
import { withServiceFlags } from '../config/service-urls.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { checkReportPaths, writeReport } from '../export/write.ts';
import { createProgress } from '../progress.ts';
import type { Cell } from './check.ts';
import { CONFORMANCE_FLAGS, parseConformance } from './config.ts';
import { runConformance } from './conformance.ts';
import { pageOf } from './external-config.ts';
import { firstContract } from './init-contract.ts';
import { layOutMatrix } from './matrix.ts';
import { renderMatrix, renderMatrixMarkdown } from './render.ts';

/** Estimate for a backend's checks at all its places, until one has been timed. */
const COLUMN_GUESS_MS = 50_000;

/** `pnpm conformance` and its flags. */
function createProgram(): Command {
  const command = new Command('pnpm conformance')
    .description('What each backend can and cannot do, shown by black-box checks over real HTTP.')
    .configureOutput({ writeErr: () => undefined })
    .exitOverride();
  return addFlags(
    command,
    withServiceFlags(CONFORMANCE_FLAGS, '; checks that kill, freeze or dump it do not apply'),
  );
}

async function runCommand(argv: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  const program = createProgram();
  program.parse([...argv], { from: 'user' });
  const options = givenFlags(program);
  const asked = pageOf(options);
  if (asked !== undefined) return printFirstContract(asked);
  const config = parseConformance(options, process.env);
  checkReportPaths(config);
  const progress = createProgress(process.stderr, COLUMN_GUESS_MS);
  progress.say(`seed ${config.seed}`);
  const { cells, isStopped } = await runConformance(config, progress, signal).finally(progress.close);
  const matrix = layOutMatrix(cells);
  const color = usesColor(options);
  process.stdout.write(config.json ? renderJson(cells) : renderMatrix(matrix, color));
  if (config.markdown !== undefined) writeReport(config.markdown, renderMatrixMarkdown(matrix), '--markdown');
  if (isStopped) return EXIT.failure;
  if (matrix.surprises.length === 0) return EXIT.ok;
  process.stderr.write(
    `session-bench: ${matrix.surprises.length} of ${cells.length} cells are not as expected\n`,
  );
  return EXIT.failure;
}

async function printFirstContract({ page, wire }: NonNullable<ReturnType<typeof pageOf>>): Promise<ExitCode> {
  const { text, remarks } = await firstContract(page, wire);
  process.stdout.write(text);
  for (const remark of remarks) process.stderr.write(`session-bench: ${remark}\n`);
  return EXIT.ok;
}

function renderJson(cells: readonly Cell[]): string {
  return `${JSON.stringify(cells, undefined, 2)}\n`;
}

const argv = process.argv.slice(2);
process.exitCode = await runToExitCode(argv, createProgram, (signal) => runCommand(argv, signal));
