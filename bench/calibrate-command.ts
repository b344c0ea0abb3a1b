import { CONTROL } from '../stores/registry.ts';
import { calibrate } from './calibrate/calibrate.ts';
import { calibrationPath, keepCalibration } from './calibrate/kept.ts';
import { renderCalibration } from './calibrate/render.ts';
import { parseConfig } from './config.ts';
import { EXIT, type ExitCode } from './errors.ts';
import { parseSeconds, type RawOptions, usage } from './values.ts';

/** More than any calibration can run: the time ends it. */
const UNBOUNDED_BLOCKS = '1000';
/** Load of each arm in a block: short, for the scatter between blocks is what is wanted. */
const BLOCK_DURATION = '2s';

/** `pnpm bench calibrate`: this machine's noise floor, shown and kept for `doctor`. */
export async function calibrateCommand(
  options: RawOptions,
  command: readonly string[],
  signal: AbortSignal,
): Promise<ExitCode> {
  const totalSeconds = parseSeconds('duration', String(options['duration'] ?? '5m'));
  const store = String(options['store'] ?? CONTROL.name);
  if (store.includes(','))
    throw usage('one backend for --store', `"${store}"`, 'Calibrate with one at a time.');
  const { duration: _total, ...rest } = options;
  const config = parseConfig(
    { ...rest, store, preset: 'gate', repeat: UNBOUNDED_BLOCKS, duration: BLOCK_DURATION },
    process.env,
  );
  const { kept, failures } = await calibrate(config, totalSeconds, command, signal);
  if (kept !== undefined) {
    const path = calibrationPath(process.env);
    if (!signal.aborted) keepCalibration(path, kept);
    const text = renderCalibration(kept);
    process.stdout.write(options['json'] === true ? `${JSON.stringify(kept, undefined, 2)}\n` : `${text}\n`);
    if (!signal.aborted) process.stderr.write(`kept for pnpm bench doctor in ${path}\n`);
  }
  const [failure] = failures;
  if (failure !== undefined) {
    process.stderr.write(`session-bench: failed: ${failures.length}; first: ${failure}\n`);
    return EXIT.failure;
  }
  if (kept !== undefined || signal.aborted) return EXIT.ok;
  process.stderr.write('session-bench: INVALID: fewer than two valid blocks: this machine is too busy now\n');
  return EXIT.invalid;
}
