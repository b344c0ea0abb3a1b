import { type Config, parseConfig } from '../config/config.ts';
import { withConfigFile } from '../config/file.ts';
import { RUN_TABLE } from '../config/flags.ts';
import { EXIT, type ExitCode, redactUrl } from '../errors.ts';
import { entriesOfRun } from '../export/entries.ts';
import { checkReportPaths, writeExports, writeReport } from '../export/write.ts';
import { crossings } from '../results/threshold.ts';
import { timeText } from '../run/estimate.ts';
import { planBlocks, titleOf } from '../run/plan.ts';
import { renderReport, renderReportMarkdown } from '../run/report.ts';
import { readUnfinished } from '../run/resume.ts';
import { type RunOutcome, run } from '../run/run.ts';
import { usesColor } from './color.ts';
import type { BenchCommand, Call } from './command.ts';

/** `pnpm bench run`: prints tables or JSON. */
export const runCommand: BenchCommand = {
  flags: RUN_TABLE,
  run: measure,
};

async function measure({ given, argv, signal }: Call): Promise<ExitCode> {
  const resumption = typeof given['resume'] === 'string' ? readUnfinished(given['resume'], given) : undefined;
  const options = resumption?.options ?? withConfigFile(given);
  const config = parseConfig(options, process.env);
  if (config.dryRun) {
    process.stdout.write(renderPlan(config));
    return EXIT.ok;
  }
  checkReportPaths(config);
  const words = withoutSecrets(argv);
  const outcome = await run(config, words, options, signal, resumption?.unfinished);
  const color = usesColor(options);
  process.stdout.write(
    config.json ? renderJson(outcome) : renderReport({ ...outcome, command: words }, color, config.wide),
  );
  if (config.markdown !== undefined) {
    writeReport(config.markdown, renderReportMarkdown({ ...outcome, command: words }), '--markdown');
  }
  writeExports(config.exports, entriesOfRun(outcome.rows));
  return exitCodeOf(config, outcome);
}

function exitCodeOf(config: Config, outcome: RunOutcome): ExitCode {
  const { failures, tooFew, rows } = outcome;
  const [failure] = failures;
  if (failure !== undefined) {
    process.stderr.write(`session-bench: failed: ${failures.length}; first: ${failure}\n`);
    return EXIT.failure;
  }
  if (tooFew.length > 0) {
    const [first] = rows.filter((row) => row.valid === false && row.status === 'ok');
    process.stderr.write(
      `session-bench: INVALID: ${tooFew.join('; ')}; first reason: ${first?.invalid_reason ?? 'see the rows'}\n`,
    );
    return EXIT.invalid;
  }
  const code = reportCrossings(config, outcome);
  if (code !== EXIT.ok || !config.strict) return code;
  const doubts = [
    ...outcome.unavailable.map((text) => `left out: ${text}`),
    ...(rows.some((row) => row.status === 'ok' && row.valid === false)
      ? ['blocks were dropped and replaced']
      : []),
  ];
  if (doubts.length === 0) return EXIT.ok;
  process.stderr.write(`session-bench: --strict: ${doubts.join('; ')}\n`);
  return EXIT.invalid;
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

function renderJson({ runId, path, rows, unavailable }: RunOutcome): string {
  return `${JSON.stringify({ run_id: runId, csv: path, left_out: unavailable, rows }, undefined, 2)}\n`;
}

function renderPlan(config: Config): string {
  const blocks = planBlocks(config);
  const trials = blocks.flatMap((block) => block.trials);
  const lines = trials.map((trial, index) => `${index + 1}. ${titleOf(trial)}, ${trial.variant}`);
  const total = `${timeText(config)}, seed ${config.seed}; nothing was started`;
  return `${[...lines, total].join('\n')}\n`;
}

/** The command line for a file: without passwords in URLs. */
function withoutSecrets(command: readonly string[]): string[] {
  return command.map((word) => redactUrl(word));
}
