import type { FlagTable } from '../config/flag.ts';
import type { RawOptions } from '../config/values.ts';
import type { ExitCode } from '../errors.ts';

/** One command of `pnpm bench`: its flags, and what it does. */
export interface BenchCommand {
  /** Words that it takes besides flags. How many there are it checks itself. */
  words?: { usage: string; spelling: string; help: string };
  flags: FlagTable;
  /** @throws BenchError; what it throws becomes one line on standard error. */
  run(call: Call): Promise<ExitCode>;
}

/** A command as it was called. */
export interface Call {
  /** The flags that were given, as text. */
  given: RawOptions;
  words: readonly string[];
  /** The command line, which may hold passwords in URLs. */
  argv: readonly string[];
  /** Aborted by Ctrl-C and its kin. */
  signal: AbortSignal;
}
