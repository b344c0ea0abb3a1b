import { comparatorOf } from '../config/comparators.ts';
import { type Config, PRESET_VALUES, parseConfig } from '../config/config.ts';
import { withConfigFile } from '../config/file.ts';
import { omitFlags, parseFlags, pickFlags, withDefaults } from '../config/flag.ts';
import { DECIDING, GATE_FLAGS, RUN_FLAGS, RUN_TABLE } from '../config/flags.ts';
import { gatedStores } from '../config/gated-stores.ts';
import { conflict, type RawOptions, usage } from '../config/values.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { checkReportPaths } from '../export/write.ts';
import { type CounterFinding, compareCounters, counterSummary, renderCounters } from '../gate/counters.ts';
import { gate } from '../gate/gate.ts';
import { usesColor } from './color.ts';
import { type BenchCommand, type Call, ended, failed, printJson } from './command.ts';
import { COMPARISON_FLAGS, reportComparison } from './compare.ts';

/** Flags of a run that do not apply to two commits: an external site is neither. */
const SITE_ONLY = ['target', 'contract', 'ca', 'insecure', 'connectTo'] as const;
/** Neither compares speed of two commits: a base of before `--inner` would not ask anyone, and a fault ranks nothing. */
const RUN_ONLY = [
  'resume',
  'dryRun',
  'engine',
  'preset',
  'thresholds',
  'wide',
  'innerServers',
  'faults',
  'expiring',
  'churn',
  ...SITE_ONLY,
] as const;

const OUT_HELP = 'result CSVs: NAME.csv writes NAME-base.csv and NAME-head.csv';
const REPEAT_HELP = 'most valid blocks; the gate ends earlier when all is settled';

const FLAGS = {
  ...GATE_FLAGS,
  ...withDefaults(
    {
      ...omitFlags(RUN_TABLE, ...RUN_ONLY),
      ...pickFlags(RUN_FLAGS, ['out', { help: OUT_HELP }], ['repeat', { help: REPEAT_HELP }]),
    },
    PRESET_VALUES.gate,
  ),
  ...COMPARISON_FLAGS,
};

/** `pnpm bench gate --base main`: prints the table; the exit code is the verdict's. */
export const COMMAND: BenchCommand = {
  flags: FLAGS,
  run: judge,
};

/** The configuration of a gate with these options. @throws BenchError USAGE */
export function configOf(options: RawOptions): Config {
  return parseConfig({ preset: 'gate', ...options }, process.env);
}

async function judge({ given, command, signal }: Call): Promise<ExitCode> {
  const options = withConfigFile(given);
  const { base, baseStore, deciding, onInvalid, counters } = parseFlags(GATE_FLAGS, options);
  const parsed = configOf(options);
  if (baseStore !== undefined && options['base'] !== undefined)
    throw conflict('--base or --base-store', 'both', 'Leave one out.');
  const config = { ...parsed, stores: gatedStores(parsed.stores, baseStore) };
  const remedy = 'Sides that run one after the other give no verdict.';
  if (config.engine !== 'slices') throw usage('--engine slices for gate', config.engine, remedy);
  // A config file may be that of a run.
  if (options['target'] !== undefined)
    throw usage('backends of two commits for gate', 'a target', 'Leave target out of the file.');
  if (config.expiring !== undefined)
    throw usage('arms that take turns for gate', '--expiring', 'Leave expiring out of the file.');
  const library = config.stores.find(
    (choice) => choice.module === undefined && comparatorOf(choice) !== undefined,
  )?.store;
  if (library !== undefined)
    throw usage(
      'backends of two commits for gate',
      library,
      'Leave it out: both commits run the same library.',
    );
  checkReportPaths(config);
  if (counters)
    return judgeCounters(await compareCounters(config, base, command, signal), config, usesColor(options));
  const { comparison, files, failures, tooFew } = await gate(
    config,
    { base, deciding: deciding.map((word) => DECIDING[word]) },
    command,
    signal,
  );
  const code =
    comparison === undefined ? EXIT.invalid : reportComparison(comparison, config, usesColor(options));
  process.stderr.write(`rows: ${files.base} and ${files.head}\n`);
  if (failures.length > 0) return failed(failures);
  if ((tooFew.length === 0 && comparison !== undefined) || code === EXIT.regression) return code;
  const text = `INVALID: ${tooFew.join('; ')}`;
  if (onInvalid === 'fail') return ended(EXIT.invalid, text);
  // GitHub shows such a line as a warning beside the build.
  if (process.env['GITHUB_ACTIONS'] === 'true') process.stderr.write(`::warning::session-bench: ${text}\n`);
  return ended(EXIT.ok, `warning: ${text}`);
}

function judgeCounters(findings: readonly CounterFinding[], { json }: Config, color: boolean): ExitCode {
  if (json) printJson(findings);
  else process.stdout.write(`${renderCounters(findings, color)}\n`);
  const more = counterSummary(findings);
  return more === undefined ? EXIT.ok : ended(EXIT.regression, more);
}
