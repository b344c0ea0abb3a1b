import { type Config, parseConfig, type RawOptions } from './config.ts';
import { EXIT, type ExitCode, redactUrl } from './errors.ts';
import { planTrials, titleOf } from './plan.ts';
import { blacklistPrice } from './results/price.ts';
import { renderLimits, renderTables } from './results/table.ts';
import { wrap } from './results/text.ts';
import { crossings } from './results/threshold.ts';
import { type RunOutcome, run } from './run.ts';

/** `pnpm bench run`: options in, tables or JSON on standard output, exit code out. */
export async function runCommand(
  options: RawOptions,
  command: readonly string[],
  signal: AbortSignal,
): Promise<ExitCode> {
  const config = parseConfig(options, process.env);
  if (config.dryRun) {
    process.stdout.write(renderPlan(config));
    return EXIT.ok;
  }
  const outcome = await run(config, withoutSecrets(command), signal);
  const color = process.stdout.isTTY === true && options['color'] !== false && !process.env['NO_COLOR'];
  process.stdout.write(config.json ? renderJson(outcome) : renderOutcome(outcome, color));
  const [failure] = outcome.failures;
  if (failure !== undefined) {
    process.stderr.write(`session-bench: failed trials: ${outcome.failures.length}; first: ${failure}\n`);
    return EXIT.failure;
  }
  if (outcome.rows.some((row) => row.valid === false && row.status === 'ok')) {
    process.stderr.write(
      'session-bench: some rows are INVALID; the tables and the column invalid_reason say why\n',
    );
    return EXIT.invalid;
  }
  return reportCrossings(config, outcome);
}

function reportCrossings(config: Config, outcome: RunOutcome): ExitCode {
  const crossed = crossings(config.thresholds, outcome.rows);
  for (const { threshold, row, value } of crossed) {
    const got =
      value === undefined ? 'no such value (too few samples, or no figures)' : String(Math.round(value));
    const unit = threshold.columns[0] === 'rps_ok' ? '/s' : ' µs';
    process.stderr.write(
      `session-bench: threshold ${threshold.text} crossed by ${row.arm}, ${row.scenario}, ${row.servers} ${row.servers === 1 ? 'server' : 'servers'}, ${row.affinity}: ${got}${value === undefined ? '' : unit}\n`,
    );
  }
  return crossed.length > 0 ? EXIT.threshold : EXIT.ok;
}

function renderJson({ runId, path, rows, leftOut }: RunOutcome): string {
  return `${JSON.stringify({ run_id: runId, csv: path, left_out: leftOut, rows }, undefined, 2)}\n`;
}

function renderOutcome(outcome: RunOutcome, color: boolean): string {
  const { rows, path, leftOut } = outcome;
  if (rows.length === 0) return '';
  const parts = [
    renderTables(rows, color),
    ...blacklistPrice(rows),
    renderLimits(rows),
    leftOut.length === 0 ? '' : `Left out: ${leftOut.join('; ')}. To have it: sh scripts/setup.sh`,
    new Set(rows.filter((row) => row.status === 'ok').map((row) => row.arm)).size < 2
      ? ''
      : wrap(
          'No ranking: these arms ran one after the other. Identical code was seen to differ by a third that way on a machine of its own, and by far more on a busy one.',
        ),
    `Microseconds are CPU per request. Rows: ${path}, explained in results/README.md`,
  ];
  return `\n${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function renderPlan(config: Config): string {
  const trials = planTrials(config);
  const seconds = trials.length * (config.warmupSeconds + config.durationSeconds);
  const lines = trials.map((trial, index) => `${index + 1}. ${titleOf(trial)}, ${trial.variant}`);
  const total = `${trials.length} trials, ${Math.round(seconds)} s of load, seed ${config.seed}; nothing was started`;
  return `${[...lines, total].join('\n')}\n`;
}

/** The command line as it may stand in a file: without passwords in URLs. */
function withoutSecrets(command: readonly string[]): string[] {
  return command.map((word) => redactUrl(word));
}
