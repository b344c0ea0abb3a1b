import type { FlagTable } from '../config/flag.ts';
import type { RawOptions } from '../config/values.ts';
import { EXIT, type ExitCode } from '../errors.ts';

/** One command of `pnpm bench`: its flags, and its action. */
export interface BenchCommand {
  /** Arguments besides flags. The command checks their number. */
  words?: { usage: string; spelling: string; help: string };
  flags: FlagTable;
  /** @throws BenchError, which becomes one line on standard error. */
  run(call: Call): Promise<ExitCode>;
}

/** Reports on standard error how a command ended, other than well. Returns its exit code. */
export function ended(code: ExitCode, text: string): ExitCode {
  process.stderr.write(`session-bench: ${text}\n`);
  return code;
}

/** The same for these failures. */
export function failed(failures: readonly string[]): ExitCode {
  return ended(EXIT.failure, `failed: ${failures.length}; first: ${failures[0]}`);
}

/** Prints as JSON. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** A command with its arguments. */
export interface Call {
  /** The flags that were passed, as text. */
  given: RawOptions;
  words: readonly string[];
  /** The command line, without passwords in URLs. */
  command: readonly string[];
  /** Aborted by Ctrl-C and similar signals. */
  signal: AbortSignal;
}
