import { BenchError, EXIT, messageOf } from '../bench/errors.ts';

/** Says in one line why a script fails; its exit code is 2 for wrong arguments, those of `parseArgs` included. */
export function fail(error: unknown): void {
  process.stderr.write(`session-bench: ${messageOf(error)}\n`);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const other = code.startsWith('ERR_PARSE_ARGS') ? EXIT.usage : EXIT.failure;
  process.exitCode = error instanceof BenchError ? error.exitCode : other;
}
