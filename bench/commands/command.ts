import type { FlagTable } from '../config/flag.ts';
import type { RawOptions } from '../config/values.ts';
import type { ExitCode } from '../errors.ts';

/** One command of `pnpm bench`: its flags, and its action. */
export interface BenchCommand {
  /** Arguments besides flags. The command checks their number. */
  words?: { usage: string; spelling: string; help: string };
  flags: FlagTable;
  /** @throws BenchError, which becomes one line on standard error. */
  run(call: Call): Promise<ExitCode>;
}

/** A command with its arguments. */
export interface Call {
  /** The flags that were passed, as text. */
  given: RawOptions;
  words: readonly string[];
  /** The command line, which may contain passwords in URLs. */
  argv: readonly string[];
  /** Aborted by Ctrl-C and similar signals. */
  signal: AbortSignal;
}
