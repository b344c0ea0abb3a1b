import { reportComparison } from './compare-command.ts';
import { parseConfig } from './config.ts';
import { withConfigFile } from './config-file.ts';
import { EXIT, type ExitCode, redactUrl } from './errors.ts';
import { refuseReports } from './export/write.ts';
import { gate } from './gate/gate.ts';
import { type RawOptions, usage } from './values.ts';

/** `pnpm bench gate --base main`: the work tree against a commit, in one run; the table on standard output, exit code out. */
export async function gateCommand(
  given: RawOptions,
  command: readonly string[],
  signal: AbortSignal,
): Promise<ExitCode> {
  const options = withConfigFile(given);
  const base = options['base'] === undefined ? 'main' : String(options['base']);
  if (base.trim() === '' || base.startsWith('-'))
    throw usage('a commit for --base', `"${base}"`, 'Name a branch.');
  const config = parseConfig({ preset: 'gate', ...options }, process.env);
  if (config.engine !== 'slices')
    throw usage('--engine slices for gate', config.engine, 'One side after the other decides nothing.');
  refuseReports(config);
  const outcome = await gate(
    config,
    base,
    command.map((word) => redactUrl(word)),
    signal,
  );
  const { comparison, files, failures, tooFew } = outcome;
  const code = reportComparison(comparison, options);
  process.stderr.write(`rows: ${files.base} and ${files.head}\n`);
  if (failures.length > 0) {
    process.stderr.write(`session-bench: failed: ${failures.length}; first: ${failures[0]}\n`);
    return EXIT.failure;
  }
  if (tooFew.length > 0 && code !== EXIT.regression) {
    process.stderr.write(`session-bench: INVALID: ${tooFew.join('; ')}\n`);
    return EXIT.invalid;
  }
  return code;
}
