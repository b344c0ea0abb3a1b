import { parseConfig } from '../config/config.ts';
import { withConfigFile } from '../config/file.ts';
import { omitFlags, parseFlags } from '../config/flag.ts';
import { BASE_FLAG, RUN_TABLE } from '../config/flags.ts';
import { usage } from '../config/values.ts';
import { EXIT, type ExitCode, redactUrl } from '../errors.ts';
import { checkReportPaths } from '../export/write.ts';
import { gate } from '../gate/gate.ts';
import type { BenchCommand, Call } from './command.ts';
import { reportComparison } from './compare.ts';

/** Flags of a run that do not apply to two commits. */
const RUN_ONLY = ['resume', 'dryRun', 'engine'] as const;

const FLAGS = { base: BASE_FLAG, ...omitFlags(RUN_TABLE, ...RUN_ONLY) };

/** `pnpm bench gate --base main`: prints the table; the exit code is the verdict's. */
export const gateCommand: BenchCommand = {
  flags: FLAGS,
  run: judge,
};

async function judge({ given, argv, signal }: Call): Promise<ExitCode> {
  const options = withConfigFile(given);
  const { base } = parseFlags({ base: BASE_FLAG }, options, { env: process.env });
  const config = parseConfig({ preset: 'gate', ...options }, process.env);
  if (config.engine !== 'slices')
    throw usage(
      '--engine slices for gate',
      config.engine,
      'Sides that run one after the other give no verdict.',
    );
  checkReportPaths(config);
  const outcome = await gate(
    config,
    base,
    argv.map((word) => redactUrl(word)),
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
