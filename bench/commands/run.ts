import { type Config, parseConfig } from '../config/config.ts';
import { withConfigFile } from '../config/file.ts';
import { RUN_TABLE } from '../config/flags.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { entriesOfRun } from '../export/entries.ts';
import { checkReportPaths, writeExports, writeReport } from '../export/write.ts';
import { shortTitle } from '../results/groups.ts';
import { isSpoilt } from '../results/row.ts';
import { wrap } from '../results/text.ts';
import { crossings } from '../results/threshold.ts';
import { timeText } from '../run/estimate.ts';
import { planBlocks, titleOf } from '../run/plan.ts';
import { renderReport, renderReportMarkdown } from '../run/report.ts';
import { checkTargets, readUnfinished } from '../run/resume.ts';
import { type RunOutcome, run } from '../run/run.ts';
import { usesColor } from './color.ts';
import { type BenchCommand, type Call, ended, failed, printJson } from './command.ts';

/** `pnpm bench run`: prints tables or JSON. */
export const COMMAND: BenchCommand = {
  flags: RUN_TABLE,
  run: measure,
};

async function measure({ given, command, signal }: Call): Promise<ExitCode> {
  const resumption = typeof given['resume'] === 'string' ? readUnfinished(given['resume'], given) : undefined;
  const options = resumption?.options ?? withConfigFile(given);
  const config = parseConfig(options, process.env);
  if (resumption !== undefined) checkTargets(resumption.unfinished, config.stores);
  if (config.dryRun) {
    process.stdout.write(renderPlan(config));
    return EXIT.ok;
  }
  checkReportPaths(config);
  const outcome = await run(config, command, options, signal, resumption?.unfinished);
  const { runId, path, rows, unavailable } = outcome;
  const reported = { ...outcome, command: resumption?.unfinished.record.command ?? command };
  if (config.json) printJson({ run_id: runId, csv: path, left_out: unavailable, rows });
  else process.stdout.write(renderReport(reported, usesColor(options), config.wide));
  if (config.markdown !== undefined) {
    writeReport(config.markdown, renderReportMarkdown(reported), '--markdown');
  }
  writeExports(config.exports, entriesOfRun(rows));
  return exitCodeOf(config, outcome);
}

function exitCodeOf(config: Config, outcome: RunOutcome): ExitCode {
  const { failures, tooFew, rows } = outcome;
  if (failures.length > 0) return failed(failures);
  const invalid = rows.find(isSpoilt);
  if (tooFew.length > 0) {
    const reason = invalid?.invalid_reason ?? 'see the rows';
    return ended(EXIT.invalid, `INVALID: ${tooFew.join('; ')}; first reason: ${reason}`);
  }
  const code = reportCrossings(config, outcome);
  if (code !== EXIT.ok || !config.strict) return code;
  const doubts = outcome.unavailable.map((text) => `left out: ${text}`);
  if (invalid !== undefined) doubts.push('blocks were dropped and replaced');
  return doubts.length === 0 ? EXIT.ok : ended(EXIT.invalid, `--strict: ${doubts.join('; ')}`);
}

function reportCrossings(config: Config, outcome: RunOutcome): ExitCode {
  let code: ExitCode = EXIT.ok;
  for (const { threshold, row, value } of crossings(config.thresholds, outcome.rows)) {
    const unit = threshold.field === undefined ? '/s' : ' µs';
    const got =
      value === undefined ? 'no such value (too few samples, or no figures)' : Math.round(value) + unit;
    const where = `${row.arm}, ${shortTitle(row)}`;
    code = ended(EXIT.threshold, `threshold ${threshold.text} crossed by ${where}: ${got}`);
  }
  return code;
}

function renderPlan(config: Config): string {
  const blocks = planBlocks(config);
  const trials = blocks.flatMap((block) => block.trials);
  const lines = trials.map((trial, index) =>
    wrap(`${index + 1}. ${titleOf(trial)}, ${trial.variant.replaceAll(';', '; ')}`, '    '),
  );
  const total = wrap(`${timeText(config)}, seed ${config.seed}; nothing was started`);
  return `${[...lines, total].join('\n')}\n`;
}
