import { CONTROL } from '../../stores/registry.ts';
import { calibrate } from '../calibrate/calibrate.ts';
import { calibrationPath, keepCalibration } from '../calibrate/kept.ts';
import { renderCalibration } from '../calibrate/render.ts';
import { type Config, parseConfig } from '../config/config.ts';
import { duration, flagsOf, parseFlags, pickFlags, withFallbacks } from '../config/flag.ts';
import { PIN_HELP, RUN_FLAGS } from '../config/flags.ts';
import { OUTPUT_FLAGS } from '../config/shared-flags.ts';
import { type RawOptions, usage } from '../config/values.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { type BenchCommand, type Call, ended, failed, printJson } from './command.ts';

/** More than any calibration can run: the time limit ends it. */
const UNBOUNDED_BLOCKS = '1000';
/** Load of each arm in a block: short, for the scatter between blocks is measured. */
const BLOCK_DURATION = '2s';

const JSON_HELP = 'the noise floor as JSON on standard output';
const TIME_FLAG = flagsOf('start').value('-d, --duration <time>', 'total time', '5m', duration());

/** The flags of `run` that apply here. */
const RIG = pickFlags(
  RUN_FLAGS,
  [
    'stores',
    {
      help: 'the backend to measure as two identical arms',
      fallback: CONTROL.name,
      fallbackHelp: `${CONTROL.name}, the control`,
    },
  ],
  ['servers', { help: 'server processes' }],
  ['balancer', { fallback: 'none' }],
  ['connections', { fallback: '32' }],
  ['sliceSeconds', { fallbackHelp: '100 ms to 500 ms, by the slowest p99, at most an eighth of 2 s' }],
  ['pin', { help: PIN_HELP }],
  'seed',
);

/** `pnpm bench calibrate`: this machine's noise floor, printed and stored for `doctor`. */
export const COMMAND: BenchCommand = {
  flags: { time: TIME_FLAG, ...RIG, ...OUTPUT_FLAGS, json: { ...OUTPUT_FLAGS.json, help: JSON_HELP } },
  run: measureTwins,
};

/** The configuration of a calibration with these options. @throws BenchError USAGE */
export function configOf(given: RawOptions): Config {
  const ofBlocks = { preset: 'gate', repeat: UNBOUNDED_BLOCKS, duration: BLOCK_DURATION };
  return parseConfig({ ...withFallbacks(RIG, given), ...ofBlocks }, process.env);
}

async function measureTwins({ given, command, signal }: Call): Promise<ExitCode> {
  const { time: totalSeconds } = parseFlags({ time: TIME_FLAG }, given);
  const config = configOf(given);
  if (config.stores.length > 1)
    throw usage('one backend for --store', `${config.stores.length}`, 'Calibrate with one at a time.');
  const { kept, failures } = await calibrate(config, totalSeconds, command, signal);
  if (kept !== undefined) {
    const path = calibrationPath(process.env);
    if (!signal.aborted) keepCalibration(path, kept);
    if (given['json'] === true) printJson(kept);
    else process.stdout.write(`${renderCalibration(kept)}\n`);
    if (!signal.aborted) process.stderr.write(`stored for pnpm bench doctor in ${path}\n`);
  }
  if (failures.length > 0) return failed(failures);
  if (kept !== undefined || signal.aborted) return EXIT.ok;
  return ended(EXIT.invalid, 'INVALID: fewer than two valid blocks: this machine is too busy now');
}
